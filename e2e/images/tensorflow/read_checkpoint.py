"""Prints the step and the held-out loss of the newest checkpoint in a directory, from the files alone."""

import sys

import task  # first: it forks before TensorFlow is loaded

import tensorflow as tf


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: read_checkpoint.py DIRECTORY")
    newest = tf.train.latest_checkpoint(sys.argv[1])
    if newest is None:
        raise SystemExit(f"no checkpoint in {sys.argv[1]}")
    reader = tf.train.load_checkpoint(newest)
    value = "{}/.ATTRIBUTES/VARIABLE_VALUE".format
    parameters = {name: reader.get_tensor(value(f"parameters/{name}")) for name in task.new_parameters()}
    print(f"step {int(reader.get_tensor(value('step')))} held-out loss {task.held_out_loss(parameters):.4f} of {newest}")


if __name__ == "__main__":
    main()
