"""Multi-worker mirrored training: every worker computes on its own data, gradients are averaged in each step.

Only the leading worker needs the checkpoint directory: at the start it hands what it restored to the others.
When one process is lost the others end too, with an exit code that asks for a restart.
"""

import os
import time

import task  # first: it forks before TensorFlow is loaded

import numpy as np
import tensorflow as tf


def connect():
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING, timeout_seconds=60.0)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def from_leader(job, strategy, values):
    """The leader's values on every worker: a sum, to which the others contribute zeros. All workers wait
    here for each other."""
    mine = {name: value if job.leads else np.zeros_like(value) for name, value in values.items()}

    def share(mine):
        # The copies are on the replica's device; arguments are on none, and cannot be reduced.
        copies = {name: tf.identity(value) for name, value in mine.items()}
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, copies)

    shared = tf.function(lambda mine: strategy.run(share, args=(mine,)))(mine)
    return {name: value.numpy() for name, value in shared.items()}


def train(job, options, strategy):
    checkpoints = task.Checkpoints(options.checkpoints) if job.leads else None
    values = task.new_parameters()
    if job.leads:
        checkpoints.announce(job)
        values = {name: variable.numpy() for name, variable in checkpoints.parameters.items()}
    start = checkpoints.step.numpy() if job.leads else np.int64(0)
    step = int(from_leader(job, strategy, {"step": start})["step"])
    values = from_leader(job, strategy, values)
    with strategy.scope():
        parameters = {name: tf.Variable(value) for name, value in values.items()}

    @tf.function
    def one(x, y):
        def replica(x, y):
            with tf.GradientTape() as tape:
                loss = task.loss(parameters, x, y)
            gradients = tape.gradient(loss, parameters)
            context = tf.distribute.get_replica_context()
            for name, variable in parameters.items():
                mean = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients[name])
                variable.assign_sub(task.LEARNING_RATE * mean)
            return loss
        return strategy.reduce("MEAN", strategy.run(replica, args=(x, y)), axis=None)

    rng = np.random.RandomState(1000 + 100 * step + job.index)
    while step < options.steps:
        loss = float(one(*map(tf.constant, task.batch(rng))))
        step += 1
        if step % options.every and step != options.steps:
            continue
        if job.leads:
            saved = checkpoints.save(step, {name: variable.numpy() for name, variable in parameters.items()})
            job.say(f"step {step} loss {loss:.4f} saved {saved}")
        if options.delay and step != options.steps:
            time.sleep(options.delay)
    # Nobody leaves while another may still be inside the last step.
    from_leader(job, strategy, {"step": np.int64(step)})
    return checkpoints


def main():
    options = task.arguments(__doc__)
    job = task.Job()
    job.say("tensorflow", tf.__version__)
    try:
        strategy = connect()
        job.say("connected, replicas:", strategy.num_replicas_in_sync)
        checkpoints = train(job, options, strategy)
    except task.LOST as error:
        job.lost(error)
    if job.leads:
        task.finish(job, checkpoints)
    job.say("done")
    os._exit(0)


if __name__ == "__main__":
    main()
