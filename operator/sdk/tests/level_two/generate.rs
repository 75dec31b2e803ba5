//! Made-up services, views and agents.

use crate::world::{World, agent, room};
use proptest::prelude::*;
use twofold_allocator::ask::Shape;
use twofold_allocator::gpu::GpuRequest;
use twofold_allocator::id::{AgentId, FrameworkId, RolePath, Word};
use twofold_allocator::resources::Resources;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::admission::Admission;
use twofold_sdk::backoff::Backoff;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::{Data, InstanceView, Place, Reach, ServiceView, TaskState, View};
use twofold_sdk::rule::{Domain, Rule};
use twofold_sdk::spec::{Gang, Goal, Packing, PodType, Relaunch, ServiceSpec, Start, Strategy as Order};

/// A service without pod types.
pub(crate) fn bare_spec() -> ServiceSpec {
    ServiceSpec {
        framework: FrameworkId::from("s"),
        namespace: "team-a".into(),
        name: "s".into(),
        role: RolePath::from("default"),
        priority: 0,
        reclaimable: false,
        since: Timestamp(0),
        pod_types: Vec::new(),
        gang: Gang::None,
        packing: Packing::BestFit,
        deploy: Order::Parallel,
        finish: None,
        backoff: Backoff::default(),
    }
}

/// A pod type of so many equal pods.
pub(crate) fn pod_type(name: &str, count: u32, cpu_milli: u64, gpus: u64) -> PodType {
    PodType {
        name: Word::from(name),
        count,
        shape: Shape {
            base: Resources { pods: 1, ..Resources::new(cpu_milli, 1 << 30) },
            gpu: (gpus > 0).then_some(GpuRequest { model: None, count: gpus, one_island: false }),
        },
        volumes: Vec::new(),
        rule: Rule::anywhere(),
        admission: Admission::default(),
        goal: Goal::Running,
        relaunch: Relaunch::Always,
        start: Start::Free,
        deploy: Order::Parallel,
    }
}

/// The rule of a ring over zones.
pub(crate) fn spread_over_zones() -> Rule {
    Rule::Spread { over: Domain::Zone, among: [].into(), required: true }
}

/// A service with agents in two zones, both of small numbers, so that room is often short.
pub(crate) fn small_world() -> impl Strategy<Value = World> {
    let types = prop::collection::vec((1u32..4, 1u64..5, 0u64..3, any_rule()), 1..4);
    let agents = prop::collection::vec((0u8..3, 0u64..9, 0u64..5), 0..6);
    (types, agents, any::<bool>()).prop_map(|(types, agents, gang)| {
        let mut spec = bare_spec();
        spec.gang = if gang { Gang::All } else { Gang::None };
        for (at, (count, cpu, gpus, rule)) in types.into_iter().enumerate() {
            let declared = pod_type(&format!("t{at}"), count, cpu * 1000, gpus);
            spec.pod_types.push(PodType { rule, ..declared });
        }
        let mut world = World::new(spec);
        for (at, (zone, cpu, gpus)) in agents.into_iter().enumerate() {
            let zone = ["a", "b"].get(usize::from(zone)).copied();
            world.add_agent(agent(&format!("a{at}"), zone, room(cpu * 1000, 16 << 30, gpus)));
        }
        world
    })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let domain = prop_oneof![Just(Domain::Agent), Just(Domain::Zone)];
    let leaf = prop_oneof![
        3 => Just(Rule::anywhere()),
        1 => (domain.clone(), any::<bool>())
            .prop_map(|(over, required)| Rule::Spread { over, among: [].into(), required }),
        1 => (1u32..3, domain.clone()).prop_map(|(count, per)| Rule::AtMost { count, per }),
        1 => domain.prop_map(|domain| Rule::SameAs { pod_type: Word::from("t0"), domain }),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Rule::All),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Rule::Any),
            inner.prop_map(|rule| Rule::Not(Box::new(rule))),
        ]
    })
}

/// Any state that a task can be seen in.
pub(crate) fn any_task() -> impl Strategy<Value = View<TaskState>> {
    let state = prop_oneof![
        Just(TaskState::Absent),
        Just(TaskState::Launched),
        Just(TaskState::Gated),
        Just(TaskState::Starting),
        any::<bool>().prop_map(|ready| TaskState::Running { ready }),
        Just(TaskState::Succeeded),
        (prop::option::of(-1i32..260), prop_oneof![Just(""), Just("OutOfcpu"), Just("Evicted")])
            .prop_map(|(exit_code, reason)| TaskState::Failed { exit_code, reason: reason.into() }),
        Just(TaskState::Terminating),
        Just(TaskState::Unreachable),
        Just(TaskState::Lost),
    ];
    prop_oneof![
        9 => state.prop_map(|state| View::Known(state, Timestamp(0))),
        1 => Just(View::Unknown("no answer".into())),
    ]
}

fn any_instance() -> impl Strategy<Value = InstanceView> {
    let times = (0u64..200_000, 0u32..4, prop::option::of(0u64..200_000));
    let record = (any::<bool>(), any::<bool>(), 0u8..3, any::<bool>(), any::<bool>());
    (any_task(), times, record).prop_map(|(task, (since, failures, last), record)| {
        let (started, joined, data, placed, agent_gone) = record;
        InstanceView {
            task,
            since: Timestamp(since),
            place: placed.then(|| Place { agent: AgentId::from("a0"), domain: None, agent_gone }),
            reach: Reach::Anywhere,
            kept: None,
            bound_zone: None,
            data: [Data::Empty, Data::Present, Data::Unknown("no answer".into())][usize::from(data)].clone(),
            started,
            joined,
            restarts: 0,
            failures,
            last_failure: last.map(Timestamp),
            failed_launches: 0,
        }
    })
}

/// A service of two pod types and any view of it, surplus instances and unknown ones included.
pub(crate) fn any_view() -> impl Strategy<Value = (ServiceSpec, ServiceView)> {
    let order = || prop_oneof![Just(Order::Serial), Just(Order::Parallel)];
    let kind = (
        order(),
        prop_oneof![Just(Goal::Running), Just(Goal::Finish)],
        prop_oneof![Just(Relaunch::Always), Just(Relaunch::ExitCodeAtLeast(128)), Just(Relaunch::Never)],
        prop_oneof![Just(Start::Free), Just(Start::OneAtATimeWhenEmpty)],
    );
    let id = (prop_oneof![Just("x"), Just("y"), Just("gone")], 0u32..5);
    let instances = prop::collection::btree_map(id, any_instance(), 0..9);
    let flags = (any::<bool>(), any::<bool>());
    (order(), prop::collection::vec(kind, 2), instances, flags).prop_map(|(deploy, kinds, seen, flags)| {
        let mut spec = bare_spec();
        spec.deploy = deploy;
        spec.gang = if flags.0 { Gang::All } else { Gang::None };
        for (name, (deploy, goal, relaunch, start)) in ["x", "y"].into_iter().zip(kinds) {
            let declared = pod_type(name, 3, 1000, 0);
            spec.pod_types.push(PodType { deploy, goal, relaunch, start, ..declared });
        }
        let instances = seen.into_iter().map(|((name, index), seen)| (InstanceId::new(name, index), seen));
        (spec, ServiceView { instances: instances.collect(), gang_started: flags.1 })
    })
}
