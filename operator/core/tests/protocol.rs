//! Every history of a small world: offer, accept, record, launch, refused writes, and leaders that are deposed at each
//! point, with what they still send. The brain and the books are the real ones; only the cluster is played.

#[path = "protocol/laws.rs"]
mod laws;
#[path = "protocol/scene.rs"]
mod scene;

use scene::{Bug, Faults, Scene, Step};
use stateright::{Checker, HasDiscoveries, Model, Property};
use twofold_core::object::Object;

/// A ring of one, whose launch is recorded before, and a gang of two on two machines.
struct Protocol {
    faults: Faults,
    bug: Option<Bug>,
}

fn gang() -> Object {
    let text = "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {name: gang, namespace: team}\nspec:\n  \
                tfReplicaSpecs:\n    Worker:\n      replicas: 2\n      template:\n        spec:\n          \
                containers: [{name: tensorflow, image: 'local/train:1', resources: {limits: {cpu: 3, memory: 1Gi}}}]\n";
    serde_saphyr::from_str::<twofold_crds::TFJob>(text).expect("a job").into()
}

fn ring() -> Object {
    let text = "apiVersion: twofold.dev/v1alpha1\nkind: CassandraService\nmetadata: {name: ring, namespace: team}\nspec:\n  \
                version: 5.0.9\n  nodes: 1\n  resources: {requests: {cpu: 1, memory: 2Gi}, limits: {cpu: 1, memory: 2Gi}}\n  \
                heap: 512Mi\n  storage: {size: 1Gi}\n";
    serde_saphyr::from_str::<twofold_crds::CassandraService>(text).expect("a ring").into()
}

impl Model for Protocol {
    type State = Scene;
    type Action = Step;

    fn init_states(&self) -> Vec<Scene> {
        vec![Scene::new(2, vec![gang(), ring()], self.faults, self.bug)]
    }

    fn actions(&self, scene: &Scene, steps: &mut Vec<Step>) {
        if scene.broken.is_empty() {
            steps.extend(scene.steps());
        }
    }

    fn next_state(&self, before: &Scene, step: Step) -> Option<Scene> {
        let mut scene = before.clone();
        scene.happen(step);
        Some(scene)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the laws hold", |_, scene: &Scene| scene.broken.is_empty()),
            Property::sometimes("it comes to rest", |_, scene: &Scene| {
                scene.at_rest && scene.left == Faults::default()
            }),
        ]
    }
}

/// Looks at every history; how many states there are, and what the first broken law is with the steps that led to it.
fn explore(model: Protocol) -> (usize, Option<String>) {
    let checker = model.checker().threads(1).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let found = checker.discovery("the laws hold").map(|path| {
        let broken = path.last_state().broken.iter().cloned().collect::<Vec<_>>().join("; ");
        format!("{broken}, after {:?}", path.into_actions())
    });
    assert!(found.is_some() || checker.discovery("it comes to rest").is_some());
    (checker.unique_state_count(), found)
}

/// What may go wrong in one history; with `PROTOCOL=large` two things may, which takes a while.
fn scopes() -> Vec<Faults> {
    let one = [(1, 0, 0), (0, 1, 0), (0, 0, 1)];
    let two = [(2, 0, 0), (1, 1, 0), (1, 0, 1)];
    let large = std::env::var_os("PROTOCOL").is_some_and(|scope| scope == "large");
    let all = one.into_iter().chain(two.into_iter().filter(|_| large));
    all.map(|(leaders, refusals, early)| Faults { leaders, refusals, early }).collect()
}

#[test]
fn no_history_breaks_a_law() {
    for faults in scopes() {
        let (states, found) = explore(Protocol { faults, bug: None });
        println!("{states} states with {faults:?}");
        assert_eq!(found, None);
    }
}

#[test]
fn planted_bugs_are_caught() {
    let faults = Faults { leaders: 1, refusals: 0, early: 0 };
    for (bug, law) in [(Bug::LaunchesFirst, "without a ledger"), (Bug::NamesAreReused, "is started twice")] {
        let found = explore(Protocol { faults, bug: Some(bug) }).1;
        assert!(found.as_ref().is_some_and(|found| found.contains(law)), "{bug:?}: {found:?}");
    }
}
