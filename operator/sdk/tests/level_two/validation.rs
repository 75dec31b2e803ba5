//! What is refused before anything is done.

use crate::generate::{bare_spec, pod_type};
use twofold_allocator::id::Word;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::rule::{Domain, Rule};
use twofold_sdk::spec::{Finish, FinishRule, Start, Volume};
use twofold_sdk::validate::validate;

#[test]
fn a_plain_service_is_in_order() {
    let mut spec = bare_spec();
    spec.pod_types.push(pod_type("node", 3, 1000, 0));
    assert_eq!(validate(&spec), []);
}

#[test]
fn all_problems_are_told_at_once_each_with_its_field() {
    let mut spec = bare_spec();
    spec.name = "Ring".into();
    spec.backoff.factor_percent = 50;
    let mut node = pod_type("node", 3, 1000, 1);
    node.shape.base.pods = 0;
    node.start = Start::OneAtATimeWhenEmpty;
    node.rule = Rule::All(vec![
        Rule::AtMost { count: 0, per: Domain::Agent },
        Rule::SameAs { pod_type: Word::from("nobody"), domain: Domain::Zone },
    ]);
    let mut again = pod_type("node", 20_000, 1000, 0);
    again.volumes.push(Volume { name: "data".into(), bytes: 0, class: None });
    spec.pod_types.extend([node, again]);
    spec.finish = Some(Finish { when_any: vec![FinishRule::Instance(InstanceId::new("node", 3))] });
    let told: Vec<String> = validate(&spec).iter().map(ToString::to_string).collect();
    let expected = [
        "name: \"Ring\" is no DNS label: use a-z, 0-9 and -",
        "podTypes[0].shape.pods: an instance is one pod, but takes 0 places: set 1",
        "podTypes[0].start: members that start one at a time must keep their data: add a volume",
        "podTypes[0].rule[0]: at most 0 in a domain leaves no place: set at least 1",
        "podTypes[0].rule[1]: there is no pod type nobody: name one of node, node",
        "podTypes[1].name: node is there twice: rename one",
        "podTypes[1].count: 20000 is above 10000",
        "podTypes[1].volumes[0].size: a volume of no bytes cannot be made",
        "finish.whenAny[0]: node has 3 instances, so no index 3",
        "backoff.factorPercent: 50 would shorten the wait: set at least 100",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_pod_name_has_to_be_a_host_name() {
    let mut spec = bare_spec();
    spec.name = "a".repeat(60);
    spec.pod_types.push(pod_type("node", 3, 1000, 0));
    let told: Vec<String> = validate(&spec).iter().map(ToString::to_string).collect();
    let expected = "podTypes[0].name: pod names would have 67 characters, at most 63: shorten a name";
    assert_eq!(told, [expected]);
}
