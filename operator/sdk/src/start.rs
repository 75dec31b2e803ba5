//! Start turns: which instances may pass the start gate.
