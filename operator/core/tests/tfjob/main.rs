//! TFJobs through the framework's own door: manifests and pods in, writes out.

mod clean;
mod defaults;
mod golden;
mod history;
mod refused;
mod report;
mod restarts;
mod scene;
mod services;
mod states;
mod tf_config;
mod translated;
