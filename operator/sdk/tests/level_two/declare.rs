//! Declarations in the text cases: services, pod types and agents.

use crate::generate::{bare_spec, pod_type as plain_pod_type};
use crate::world::{agent, room};
use twofold_allocator::agent::{Agent, AgentState};
use twofold_allocator::ask::Constraint;
use twofold_allocator::gpu::GpuRequest;
use twofold_allocator::id::Word;
use twofold_allocator::quantity::{parse_bytes, parse_cpu_milli};
use twofold_allocator::resources::Resources;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::admission::{
    Admission, AgentFacts, HostPort, Protocol, Taint, TaintEffect, Tolerated, Toleration,
};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::rule::{Domain, Rule};
use twofold_sdk::spec::{
    Finish, FinishRule, Gang, Goal, Packing, PodType, Relaunch, ServiceSpec, Start, Strategy, Volume,
};

pub(crate) fn service(name: &str, options: &[&str], since: Timestamp) -> ServiceSpec {
    let mut spec = ServiceSpec { name: name.into(), since, ..bare_spec() };
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("gang", _) => spec.gang = Gang::All,
            ("serial", _) => spec.deploy = Strategy::Serial,
            ("packing", "gradient") => spec.packing = Packing::FragmentationGradient,
            ("finish-all", name) => finish(&mut spec, FinishRule::AllOf(Word::from(name))),
            ("finish", instance) => finish(&mut spec, FinishRule::Instance(instance_of(instance))),
            _ => panic!("no such option of a service: {option}"),
        }
    }
    spec
}

fn finish(spec: &mut ServiceSpec, rule: FinishRule) {
    spec.finish.get_or_insert(Finish { when_any: Vec::new() }).when_any.push(rule);
}

pub(crate) fn pod_type(name: &str, options: &[&str]) -> PodType {
    let mut declared = plain_pod_type(name, 1, 1000, 0);
    let mut rules = Vec::new();
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("count", count) => declared.count = count.parse().unwrap(),
            ("cpu", cpu) => declared.shape.base.cpu_milli = parse_cpu_milli(cpu).unwrap(),
            ("memory", memory) => declared.shape.base.memory_bytes = parse_bytes(memory).unwrap(),
            ("gpu", gpu) => declared.shape.gpu = Some(gpu_of(gpu)),
            ("volume", size) => declared.volumes.push(Volume {
                name: "data".into(),
                bytes: parse_bytes(size).unwrap(),
                class: None,
            }),
            ("goal", "finish") => declared.goal = Goal::Finish,
            ("relaunch", "never") => declared.relaunch = Relaunch::Never,
            ("relaunch-from", code) => declared.relaunch = Relaunch::ExitCodeAtLeast(code.parse().unwrap()),
            ("one-at-a-time", _) => declared.start = Start::OneAtATimeWhenEmpty,
            ("serial", _) => declared.deploy = Strategy::Serial,
            _ => admission_or_rule(&mut declared.admission, &mut rules, option),
        }
    }
    declared.rule = match rules.len() {
        1 => rules.remove(0),
        _ => Rule::All(rules),
    };
    declared
}

fn admission_or_rule(admission: &mut Admission, rules: &mut Vec<Rule>, option: &str) {
    let domain = |text: &str| if text.starts_with("zone") { Domain::Zone } else { Domain::Agent };
    match option.split_once('=').unwrap_or((option, "")) {
        ("tolerates", key) => admission.tolerations.push(Toleration {
            key: Some(Word::from(key)),
            value: Tolerated::Exists,
            effect: None,
        }),
        ("selector", pair) => {
            let (key, value) = pair.split_once(':').unwrap();
            admission.selector.insert(Word::from(key), Word::from(value));
        }
        ("affinity", pair) => {
            let (key, value) = pair.split_once(':').unwrap();
            let term = Constraint::AttributeIn(Word::from(key), [Word::from(value)].into());
            admission.affinity.push(vec![term]);
        }
        ("arch", name) => {
            admission.architectures.insert(Word::from(name));
        }
        ("host-port", port) => {
            admission.host_ports.insert(tcp(port));
        }
        ("spread", over) => rules.push(spread(domain(over), true, &[])),
        ("spread-zones", zones) => {
            rules.push(spread(Domain::Zone, true, &zones.split(',').collect::<Vec<_>>()))
        }
        ("prefer-spread", over) => rules.push(spread(domain(over), false, &[])),
        ("at-most-one-per", per) => rules.push(Rule::AtMost { count: 1, per: domain(per) }),
        ("same-zone-as", name) => {
            rules.push(Rule::SameAs { pod_type: Word::from(name), domain: Domain::Zone });
        }
        ("not-with", name) => {
            let same = Rule::SameAs { pod_type: Word::from(name), domain: Domain::Agent };
            rules.push(Rule::Not(Box::new(same)));
        }
        ("zone-any", zones) => {
            let zone = |name| Rule::Agent(Constraint::ZoneIn([Word::from(name)].into()));
            rules.push(Rule::Any(zones.split(',').map(zone).collect()));
        }
        _ => panic!("no such option of a pod type: {option}"),
    }
}

fn spread(over: Domain, required: bool, among: &[&str]) -> Rule {
    Rule::Spread { over, among: among.iter().map(|zone| Word::from(*zone)).collect(), required }
}

fn gpu_of(text: &str) -> GpuRequest {
    match text.split_once(':') {
        Some((model, count)) => {
            GpuRequest { model: Some(Word::from(model)), count: count.parse().unwrap(), one_island: false }
        }
        None => GpuRequest { model: None, count: text.parse().unwrap(), one_island: false },
    }
}

fn tcp(port: &str) -> HostPort {
    HostPort { protocol: Protocol::Tcp, port: port.parse().unwrap() }
}

pub(crate) fn agent_of(name: &str, options: &[&str]) -> (Agent, AgentFacts) {
    let mut declared = agent(name, None, room(4000, 8 << 30, 0));
    let mut facts = AgentFacts::default();
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("zone", zone) => declared.domain = agent(name, Some(zone), Resources::default()).domain,
            ("cpu", cpu) => declared.capacity.cpu_milli = parse_cpu_milli(cpu).unwrap(),
            ("memory", memory) => declared.capacity.memory_bytes = parse_bytes(memory).unwrap(),
            ("gpu", gpus) => {
                let (model, count) = gpus.split_once(':').unwrap();
                declared.capacity.gpus.add(&Word::from(model), count.parse().unwrap());
            }
            ("arch", name) => facts.architecture = Some(Word::from(name)),
            ("attribute", pair) => {
                let (key, value) = pair.split_once(':').unwrap();
                declared.attributes.insert(Word::from(key), Word::from(value));
            }
            ("taint", key) => facts.taints.push(taint(key, TaintEffect::NoSchedule)),
            ("avoid", key) => facts.taints.push(taint(key, TaintEffect::PreferNoSchedule)),
            ("port", port) => {
                facts.host_ports.insert(tcp(port));
            }
            ("draining", _) => declared.state = AgentState::Draining,
            ("unreachable", _) => declared.state = AgentState::Unreachable,
            _ => panic!("no such option of an agent: {option}"),
        }
    }
    (declared, facts)
}

fn taint(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: Word::from(key), value: Word::from(""), effect }
}

pub(crate) fn instance_of(text: &str) -> InstanceId {
    let (pod_type, index) = text.rsplit_once('-').unwrap();
    InstanceId::new(pod_type, index.parse().unwrap())
}
