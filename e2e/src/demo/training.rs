//! What the training scripts write, and what follows from it.

/// How a job went, as its chief's log tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The version of TensorFlow.
    pub version: String,
    /// The loss on the held-out data before the first step.
    pub first: f64,
    /// The same after the last one.
    pub last: f64,
    /// How many steps were done.
    pub step: u64,
}

impl Outcome {
    /// Reads the log of the process that leads a job.
    #[must_use]
    pub fn of(log: &str) -> Option<Self> {
        let after = |mark: &str| log.lines().rev().find_map(|line| Some(line.split_once(mark)?.1.trim()));
        let version = after("] tensorflow ")?.split_whitespace().next()?.to_owned();
        let first = after("] first loss ")?.parse().ok()?;
        let (last, rest) = after("] held-out loss ")?.split_once(" after step ")?;
        let step = rest.split_whitespace().next()?.parse().ok()?;
        Some(Self { version, first, last: last.parse().ok()?, step })
    }

    /// Whether the model is better than half of nothing learnt.
    #[must_use]
    pub fn learnt(&self) -> bool {
        self.last < self.first / 2.0
    }
}

/// The step that `read_checkpoint.py` found.
#[must_use]
pub fn checkpoint_step(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("step ") && line.contains("held-out loss"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "[chief-0] tensorflow 2.21.0
[chief-0] first loss 1.4173
[chief-0] step 25 loss 1.2005 saved ckpt-1
[chief-0] held-out loss 0.1812 after step 300 (first 1.4173)
";

    #[test]
    fn a_log_tells_version_losses_and_steps() {
        let outcome = Outcome::of(LOG).unwrap();
        assert_eq!(outcome, Outcome { version: "2.21.0".into(), first: 1.4173, last: 0.1812, step: 300 });
        assert!(outcome.learnt());
    }

    #[test]
    fn a_log_without_its_end_tells_nothing() {
        assert_eq!(Outcome::of(LOG.rsplit_once("[chief-0]").unwrap().0), None);
    }

    #[test]
    fn a_loss_that_is_not_below_half_is_not_learnt() {
        assert!(!Outcome::of(&LOG.replace("0.1812", "0.7100")).unwrap().learnt());
    }

    #[test]
    fn the_step_of_a_checkpoint_is_read_among_other_lines() {
        assert_eq!(
            checkpoint_step("step aside\nstep 300 held-out loss 0.1812 of /checkpoints/ckpt-12\n"),
            Some(300)
        );
        assert_eq!(checkpoint_step("no checkpoint in /checkpoints"), None);
    }
}
