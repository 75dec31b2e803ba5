//! Nodes with a kubelet and a container runtime of their own.
use super::{kubectl::Kubectl, layout::Layout, record::Record, supervisor::Client};
use anyhow::{Result, bail};
use std::path::PathBuf;
pub fn check() -> Result<()> {
    bail!("--real is not part of this version yet; use --fake")
}
pub fn prepare(_: &Record, _: &Layout, _: &Client) -> Result<()> {
    Ok(())
}
pub fn start(_: &Record, _: &Layout, _: &Client, _: &Kubectl<'_>) -> Result<()> {
    Ok(())
}
pub fn load(_: &Record, _: &Client, _: &[PathBuf]) -> Result<()> {
    Ok(())
}
