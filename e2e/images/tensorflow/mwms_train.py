"""Multi-worker mirrored training: every worker computes on its own data, gradients are averaged in each step.

Only the leading worker needs the checkpoint directory: at the start it hands what it restored to the others.
When one process is lost the others end too, with an exit code that asks for a restart.
"""

import numpy as np
import tensorflow as tf

import task


def connect():
    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING, timeout_seconds=60.0)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def everywhere(strategy, value):
    """The sum of all workers' values: with zeros from all but one, that one's value."""
    def share(mine):
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, mine)

    return tf.function(lambda mine: strategy.run(share, args=(mine,)))(tf.convert_to_tensor(value)).numpy()


def train(job, options, strategy):
    checkpoints = task.Checkpoints(options.checkpoints) if job.leads else None
    if job.leads:
        if checkpoints.restored():
            job.say("restored step", int(checkpoints.step))
        job.say(f"first loss {float(checkpoints.first):.4f}")
        start, values = int(checkpoints.step), {n: v.numpy() for n, v in checkpoints.parameters.items()}
    else:
        start, values = 0, {name: np.zeros_like(value) for name, value in task.new_parameters().items()}
    step = int(everywhere(strategy, np.int64(start)))
    values = {name: everywhere(strategy, value) for name, value in values.items()}
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
            task.time.sleep(options.delay)
    # Nobody leaves while another may still be inside the last step.
    everywhere(strategy, np.int64(1))
    return checkpoints


def main():
    options = task.arguments(__doc__)
    job = task.Job()
    task.end_on_sigterm()
    job.say("tensorflow", tf.__version__)
    try:
        strategy = connect()
        job.say("connected, replicas:", strategy.num_replicas_in_sync)
        checkpoints = train(job, options, strategy)
    except (tf.errors.OpError, RuntimeError) as error:
        job.lost(error)
    if job.leads:
        task.finish(job, checkpoints)
    job.say("done")
    task.os._exit(0)


if __name__ == "__main__":
    main()
