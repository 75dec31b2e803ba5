//! Figures for Prometheus, all named `twofold_*`.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use twofold_core::decision::Decision;
use twofold_core::object::Kind;

/// Every figure of the process. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    cycles: Counter,
    cycle_seconds: Histogram,
    offers: Counter,
    accepts: Counter,
    declines: Counter,
    launches: Counter,
    reclaims: Counter,
    violations: Counter,
    writes: Family<WriteLabels, Counter>,
    watch_restarts: Family<KindLabel, Counter>,
    watch_errors: Family<KindLabel, Counter>,
    undecodable: Family<KindLabel, Counter>,
    queries: Family<ResultLabel, Counter>,
    leader: Gauge,
    synced: Gauge,
    agents: Gauge,
    frameworks: Gauge,
    waiting: Gauge,
    set_aside: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WriteLabels {
    kind: &'static str,
    verb: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

impl Metrics {
    /// All figures at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            cycles: Counter::default(),
            cycle_seconds: Histogram::new(exponential_buckets(0.000_1, 4.0, 9)),
            offers: Counter::default(),
            accepts: Counter::default(),
            declines: Counter::default(),
            launches: Counter::default(),
            reclaims: Counter::default(),
            violations: Counter::default(),
            writes: Family::default(),
            watch_restarts: Family::default(),
            watch_errors: Family::default(),
            undecodable: Family::default(),
            queries: Family::default(),
            leader: Gauge::default(),
            synced: Gauge::default(),
            agents: Gauge::default(),
            frameworks: Gauge::default(),
            waiting: Gauge::default(),
            set_aside: Gauge::default(),
        };
        metrics.registry = Arc::new(metrics.register());
        metrics
    }

    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("twofold");
        let all = &mut registry;
        all.register("cycles", "Passes of the loop", self.cycles.clone());
        let unit = Unit::Seconds;
        all.register_with_unit("cycle", "Time to decide, a cycle", unit, self.cycle_seconds.clone());
        all.register("offers", "Offers made", self.offers.clone());
        all.register("accepts", "Offers accepted", self.accepts.clone());
        all.register("declines", "Offers declined", self.declines.clone());
        all.register("launches", "Pods launched on an accepted offer", self.launches.clone());
        all.register("reclaims", "Jobs whose room was taken back for a guarantee", self.reclaims.clone());
        all.register("violations", "Laws found broken; nothing was written then", self.violations.clone());
        all.register("writes", "Writes to the API server by what became of them", self.writes.clone());
        all.register("watch_restarts", "Lists begun after the first one", self.watch_restarts.clone());
        all.register("watch_errors", "Lists and watches that failed", self.watch_errors.clone());
        all.register("undecodable", "Objects seen that could not be read", self.undecodable.clone());
        all.register("queries", "Questions to service agents", self.queries.clone());
        all.register("leader", "1 while this copy holds the lease", self.leader.clone());
        all.register("synced", "1 when every kind has been listed", self.synced.clone());
        all.register("agents", "Agents known", self.agents.clone());
        all.register("frameworks", "Services and jobs known", self.frameworks.clone());
        all.register("waiting", "Services and jobs that wait for room", self.waiting.clone());
        all.register("set_aside", "Objects that cannot be read or carried out", self.set_aside.clone());
        registry
    }

    /// The page that Prometheus reads.
    ///
    /// # Errors
    /// When a figure cannot be encoded.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry)?;
        Ok(page)
    }

    /// A cycle has decided.
    pub fn decided(&self, decision: &Decision, took: Duration) {
        let figures = &decision.figures;
        self.cycles.inc();
        self.cycle_seconds.observe(took.as_secs_f64());
        self.offers.inc_by(figures.offers);
        self.accepts.inc_by(figures.accepts);
        self.declines.inc_by(figures.declines);
        self.launches.inc_by(figures.launches);
        self.reclaims.inc_by(figures.reclaims);
        self.violations.inc_by(decision.violations.len().try_into().unwrap_or(u64::MAX));
        for (gauge, figure) in [
            (&self.agents, figures.agents),
            (&self.frameworks, figures.frameworks),
            (&self.waiting, figures.waiting),
            (&self.set_aside, figures.set_aside),
        ] {
            gauge.set(i64::try_from(figure).unwrap_or(i64::MAX));
        }
    }

    /// A write came to an end.
    pub fn written(&self, kind: Kind, verb: &'static str, result: &'static str) {
        self.writes.get_or_create(&WriteLabels { kind: kind.name(), verb, result }).inc();
    }

    /// A kind is listed anew.
    pub fn watch_restarted(&self, kind: Kind) {
        self.watch_restarts.get_or_create(&KindLabel { kind: kind.name() }).inc();
    }

    /// A list or watch failed.
    pub fn watch_failed(&self, kind: Kind) {
        self.watch_errors.get_or_create(&KindLabel { kind: kind.name() }).inc();
    }

    /// An object could not be read.
    pub fn could_not_decode(&self, kind: Kind) {
        self.undecodable.get_or_create(&KindLabel { kind: kind.name() }).inc();
    }

    /// A service agent was asked.
    pub fn asked(&self, answered: bool) {
        let result = if answered { "ok" } else { "failed" };
        self.queries.get_or_create(&ResultLabel { result }).inc();
    }

    /// Whether this copy leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(leads.into());
    }

    /// Whether every kind has been listed.
    pub fn is_synced(&self, synced: bool) {
        self.synced.set(synced.into());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twofold_core::decision::Figures;

    #[test]
    fn a_decision_and_a_write_are_on_the_page() {
        let metrics = Metrics::new();
        let figures = Figures { offers: 2, launches: 3, agents: 20, ..Figures::default() };
        metrics.decided(&Decision { figures, ..Decision::default() }, Duration::from_millis(1));
        metrics.written(Kind::Pod, "create", "ok");
        let page = metrics.text().unwrap();
        for line in [
            "twofold_cycles_total 1",
            "twofold_offers_total 2",
            "twofold_launches_total 3",
            "twofold_agents 20",
            "twofold_cycle_seconds_count 1",
            "twofold_leader 0",
            r#"twofold_writes_total{kind="Pod",verb="create",result="ok"} 1"#,
        ] {
            assert!(page.lines().any(|found| found == line), "no line {line:?} in\n{page}");
        }
        assert!(page.lines().all(|line| line.starts_with("twofold_") || line.starts_with('#')));
    }
}
