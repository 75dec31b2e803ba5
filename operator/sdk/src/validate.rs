//! What is wrong with a declaration, all of it at once.

use crate::backoff::Backoff;
use crate::rule::Rule;
use crate::spec::{FinishRule, PodType, ServiceSpec, Start};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use twofold_allocator::id::Word;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, such as `podTypes[0].count`.
    pub field: String,
    /// What is wrong with it and what to do.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.text)
    }
}

/// The longest name that a pod may have, so that it can be its host name: a DNS label.
const LONGEST_NAME: usize = 63;

/// A scale that no cluster reaches, so that a slip of the pen does not become a million pods.
pub const MOST_INSTANCES: u32 = 10_000;

/// All that is wrong with the declaration; empty when it can be carried out.
#[must_use]
pub fn validate(spec: &ServiceSpec) -> Vec<Problem> {
    let mut problems = Problems::default();
    if !is_dns_label(&spec.name) {
        problems.add("name", format!("{:?} is no DNS label: use a-z, 0-9 and -", spec.name));
    }
    if spec.pod_types.is_empty() {
        problems.add("podTypes", "there is none: a service needs at least one".to_string());
    }
    let mut names = BTreeSet::new();
    for (at, pod_type) in spec.pod_types.iter().enumerate() {
        let field = format!("podTypes[{at}]");
        if !names.insert(&pod_type.name) {
            problems.add(format!("{field}.name"), format!("{} is there twice: rename one", pod_type.name));
        }
        check_pod_type(spec, pod_type, &field, &mut problems);
    }
    check_finish(spec, &mut problems);
    check_backoff(&spec.backoff, &mut problems);
    problems.0
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, field: impl Into<String>, text: String) {
        self.0.push(Problem { field: field.into(), text });
    }
}

fn check_pod_type(spec: &ServiceSpec, pod_type: &PodType, field: &str, problems: &mut Problems) {
    let PodType { name, count, shape, volumes, rule, start, .. } = pod_type;
    if !is_dns_label(name.as_str()) {
        problems
            .add(format!("{field}.name"), format!("{:?} is no DNS label: use a-z, 0-9 and -", name.as_str()));
    }
    let longest = spec.name.len() + name.as_str().len() + 2 + count.saturating_sub(1).to_string().len();
    if longest > LONGEST_NAME {
        let text =
            format!("pod names would have {longest} characters, at most {LONGEST_NAME}: shorten a name");
        problems.add(format!("{field}.name"), text);
    }
    if *count > MOST_INSTANCES {
        problems.add(format!("{field}.count"), format!("{count} is above {MOST_INSTANCES}"));
    }
    if shape.base.pods != 1 {
        let text = format!("an instance is one pod, but takes {} places: set 1", shape.base.pods);
        problems.add(format!("{field}.shape.pods"), text);
    }
    if !shape.base.gpus.is_empty() {
        let text = "GPUs are asked for by model and count, not as a plain amount".to_string();
        problems.add(format!("{field}.shape.gpus"), text);
    }
    if shape.gpu.as_ref().is_some_and(|gpu| gpu.count == 0) {
        problems.add(format!("{field}.shape.gpu.count"), "0 GPUs are none: leave it out".to_string());
    }
    let mut seen = BTreeSet::new();
    for (at, volume) in volumes.iter().enumerate() {
        let field = format!("{field}.volumes[{at}]");
        if !seen.insert(&volume.name) {
            problems.add(format!("{field}.name"), format!("{} is there twice: rename one", volume.name));
        }
        if volume.bytes == 0 {
            problems.add(format!("{field}.size"), "a volume of no bytes cannot be made".to_string());
        }
    }
    if *start == Start::OneAtATimeWhenEmpty && volumes.is_empty() {
        let text = "members that start one at a time must keep their data: add a volume".to_string();
        problems.add(format!("{field}.start"), text);
    }
    check_rule(spec, rule, &format!("{field}.rule"), problems);
}

fn check_rule(spec: &ServiceSpec, rule: &Rule, field: &str, problems: &mut Problems) {
    match rule {
        Rule::AtMost { count: 0, .. } => {
            problems.add(field, "at most 0 in a domain leaves no place: set at least 1".to_string());
        }
        Rule::SameAs { pod_type, .. } if spec.pod_type(pod_type).is_none() => {
            problems.add(field, format!("there is no pod type {pod_type}: name one of {}", names(spec)));
        }
        Rule::Spread { .. } | Rule::AtMost { .. } | Rule::Agent(_) | Rule::SameAs { .. } => {}
        Rule::Any(rules) if rules.is_empty() => {
            problems.add(field, "any of no rules leaves no place: add a rule or leave it out".to_string());
        }
        Rule::All(rules) | Rule::Any(rules) => {
            for (at, rule) in rules.iter().enumerate() {
                check_rule(spec, rule, &format!("{field}[{at}]"), problems);
            }
        }
        Rule::Not(inner) => {
            if matches!(**inner, Rule::Spread { required: false, .. }) {
                problems.add(field, "a spread that is only preferred cannot be ruled out".to_string());
            }
            check_rule(spec, inner, &format!("{field}.not"), problems);
        }
    }
}

fn check_finish(spec: &ServiceSpec, problems: &mut Problems) {
    let rules = spec.finish.iter().flat_map(|finish| &finish.when_any);
    for (at, rule) in rules.enumerate() {
        let (name, index) = match rule {
            FinishRule::AllOf(name) => (name, None),
            FinishRule::Instance(instance) => (&instance.pod_type, Some(instance.index)),
        };
        let field = format!("finish.whenAny[{at}]");
        match (spec.pod_type(name), index) {
            (None, _) => {
                problems.add(field, format!("there is no pod type {name}: name one of {}", names(spec)));
            }
            (Some(pod_type), Some(index)) if index >= pod_type.count => {
                problems.add(field, format!("{name} has {} instances, so no index {index}", pod_type.count));
            }
            (Some(_), _) => {}
        }
    }
}

fn check_backoff(backoff: &Backoff, problems: &mut Problems) {
    if backoff.factor_percent < 100 {
        let text = format!("{} would shorten the wait: set at least 100", backoff.factor_percent);
        problems.add("backoff.factorPercent", text);
    }
    if backoff.cap_millis < backoff.initial_millis {
        problems.add("backoff.capMillis", "it is below the first wait: raise it".to_string());
    }
}

fn names(spec: &ServiceSpec) -> String {
    let names: Vec<&str> = spec.pod_types.iter().map(|pod_type| Word::as_str(&pod_type.name)).collect();
    names.join(", ")
}

fn is_dns_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.len() <= LONGEST_NAME
}
