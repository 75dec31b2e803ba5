"""What the training scripts share: the job as TF_CONFIG tells it, the data, the model, the checkpoints.

The task is to find the largest of four hidden linear functions of 32 random numbers. Training data is new
in every step; the held-out data is made from its own seed and never trained on.
"""

import argparse
import json
import os
import sys
import time

import init  # first: it forks

import numpy as np
import tensorflow as tf

FEATURES, HIDDEN, CLASSES = 32, 64, 4
BATCH = 64
LEARNING_RATE = 0.2
# What TensorFlow raises when another process of the job has gone.
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError,
        tf.errors.DeadlineExceededError, tf.errors.InternalError)

tf.get_logger().setLevel("ERROR")

_TRUTH = np.random.RandomState(7).randn(FEATURES, CLASSES).astype("float32")


class Job:
    """This process's place in the job."""

    def __init__(self):
        config = json.loads(os.environ.get("TF_CONFIG") or "{}")
        # Strategies would wait for an evaluator, which serves nothing.
        self.cluster = {kind: hosts for kind, hosts in config.get("cluster", {}).items() if kind != "evaluator"}
        task = config.get("task", {})
        self.kind, self.index = task.get("type", "worker"), int(task.get("index", 0))
        chiefs = [kind for kind in ("chief", "master") if kind in self.cluster]
        self.leads = self.kind in chiefs or (not chiefs and self.kind == "worker" and self.index == 0)
        if self.cluster:
            config["cluster"] = self.cluster
            os.environ["TF_CONFIG"] = json.dumps(config)

    def say(self, *words):
        print(f"[{self.kind}-{self.index}]", *words, flush=True)

    def lost(self, error):
        """Another process of the job is gone: end in a way that asks for a restart."""
        self.say("lost a peer:", type(error).__name__, str(error).splitlines()[0][:200])
        os._exit(init.RETRYABLE)


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--checkpoints", default="/tmp/checkpoints", help="directory; only the leading process uses it")
    parser.add_argument("--steps", type=int, default=300, help="train up to this step, counted over all restarts")
    parser.add_argument("--every", type=int, default=25, help="steps between checkpoints")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds to sleep after each checkpoint interval")
    return parser.parse_args()


def batch(rng):
    x = rng.randn(BATCH, FEATURES).astype("float32")
    return x, (x @ _TRUTH).argmax(1)


def held_out():
    x = np.random.RandomState(11).randn(2048, FEATURES).astype("float32")
    return x, (x @ _TRUTH).argmax(1)


def new_parameters():
    """The model's parameters by name, as arrays."""
    rng = np.random.RandomState(3)
    return {
        "w1": (0.2 * rng.randn(FEATURES, HIDDEN)).astype("float32"),
        "b1": np.zeros(HIDDEN, "float32"),
        "w2": (0.2 * rng.randn(HIDDEN, CLASSES)).astype("float32"),
    }


def loss(parameters, x, y):
    logits = tf.nn.relu(x @ parameters["w1"] + parameters["b1"]) @ parameters["w2"]
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))


def held_out_loss(parameters):
    """Loss on the held-out data; takes arrays or variables."""
    x, y = held_out()
    return float(loss({name: tf.convert_to_tensor(value) for name, value in parameters.items()}, x, y))


class Checkpoints:
    """Step, first held-out loss and parameters in one directory, as variables of this process: saving needs
    no other process, whatever strategy trains."""

    def __init__(self, directory):
        self.step = tf.Variable(0, dtype=tf.int64)
        self.first = tf.Variable(0.0)
        self.parameters = {name: tf.Variable(value) for name, value in new_parameters().items()}
        checkpoint = tf.train.Checkpoint(step=self.step, first=self.first, parameters=self.parameters)
        self.manager = tf.train.CheckpointManager(checkpoint, directory, max_to_keep=2)
        if self.manager.latest_checkpoint:
            checkpoint.restore(self.manager.latest_checkpoint).assert_consumed()
        else:
            self.first.assign(held_out_loss(self.parameters))

    def announce(self, job):
        if int(self.step) > 0:
            job.say("restored step", int(self.step))
        job.say(f"first loss {float(self.first):.4f}")

    def save(self, step, parameters):
        self.step.assign(step)
        for name, value in parameters.items():
            self.parameters[name].assign(np.asarray(value))
        return os.path.basename(self.manager.save())


def finish(job, checkpoints):
    """Says how good the model is, and ends: 0 if the held-out loss is below half of the first."""
    first, last = float(checkpoints.first), held_out_loss(checkpoints.parameters)
    job.say(f"held-out loss {last:.4f} after step {int(checkpoints.step)} (first {first:.4f})")
    sys.stdout.flush()
    # A plain exit can wait for ever for threads of a strategy whose peers are gone.
    os._exit(0 if last < first / 2 else 1)
