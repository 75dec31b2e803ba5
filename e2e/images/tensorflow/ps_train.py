"""Parameter-server training: the chief gives out the work, workers compute, parameter servers keep the model.

Workers and parameter servers serve until they are ended; the chief's end is the end of the job. A chief that
is started again goes on from its checkpoint.
"""

import time

import task  # first: it forks before TensorFlow is loaded

import numpy as np
import tensorflow as tf


def serve(job):
    server = tf.distribute.Server(tf.train.ClusterSpec(job.cluster), job_name=job.kind, task_index=job.index)
    job.say("tensorflow", tf.__version__, "serves", server.target)
    server.join()


def coordinate(job, options):
    job.say("tensorflow", tf.__version__)
    # Connecting replaces this process's devices: no variable may exist before.
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(job.cluster), rpc_layer="grpc", task_type=job.kind, task_id=job.index)
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    checkpoints = task.Checkpoints(options.checkpoints)
    checkpoints.announce(job)
    with strategy.scope():
        parameters = {name: tf.Variable(value.numpy()) for name, value in checkpoints.parameters.items()}

    @tf.function
    def train(x, y):
        with tf.GradientTape() as tape:
            copies = {name: tf.convert_to_tensor(variable) for name, variable in parameters.items()}
            tape.watch(copies)
            loss = task.loss(copies, x, y)
        for name, gradient in tape.gradient(loss, copies).items():
            parameters[name].assign_sub(task.LEARNING_RATE * gradient)
        return loss

    step = int(checkpoints.step)
    rng = np.random.RandomState(1000 + step)
    while step < options.steps:
        count = min(options.every, options.steps - step)
        losses = [coordinator.schedule(train, args=task.batch(rng)) for _ in range(count)]
        coordinator.join()
        step += count
        saved = checkpoints.save(step, {name: variable.numpy() for name, variable in parameters.items()})
        job.say(f"step {step} loss {np.mean([value.fetch() for value in losses]):.4f} saved {saved}")
        if options.delay and step < options.steps:
            time.sleep(options.delay)
    task.finish(job, checkpoints)


def main():
    options = task.arguments(__doc__)
    job = task.Job()
    if job.kind in ("ps", "worker"):
        serve(job)
    elif job.kind != "chief":
        raise SystemExit("ps_train.py needs a Chief replica in the TFJob: it gives out the work")
    try:
        coordinate(job, options)
    except task.LOST as error:
        job.lost(error)


if __name__ == "__main__":
    main()
