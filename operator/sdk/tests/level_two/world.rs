//! A cluster in memory that does what it is told: agents with room, pods that change state, and the record that a
//! framework would keep of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use twofold_allocator::agent::{Agent, AgentState, GpuRoom};
use twofold_allocator::ask::Constraint;
use twofold_allocator::counts::Counts;
use twofold_allocator::domain::FaultDomain;
use twofold_allocator::id::{AgentId, Word};
use twofold_allocator::offer::Answer;
use twofold_allocator::resources::Resources;
use twofold_allocator::score::Workload;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::admission::AgentFacts;
use twofold_sdk::evaluate::{Evaluation, Inquiry, Room, evaluate};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::launch::Withdrawal;
use twofold_sdk::observed::{Data, InstanceView, Place, ServiceView, TaskState, View};
use twofold_sdk::plan::{Plans, plans};
use twofold_sdk::requirement::{AskPlan, asks};
use twofold_sdk::spec::{ServiceSpec, Start};

/// A service, what is seen of it, and the agents that it may be shown.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) spec: ServiceSpec,
    pub(crate) view: ServiceView,
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    pub(crate) facts: BTreeMap<AgentId, AgentFacts>,
    /// What each pod takes, and where, from its launch until it is gone or has ended.
    pub(crate) used: BTreeMap<InstanceId, (AgentId, Resources)>,
    /// Agents that are not shown until then, since a launch there failed.
    pub(crate) avoided: BTreeMap<AgentId, Timestamp>,
    /// What the jobs that usually come take.
    pub(crate) workload: Option<Workload>,
    pub(crate) now: Timestamp,
}

/// An agent with this much room.
pub(crate) fn agent(name: &str, zone: Option<&str>, capacity: Resources) -> Agent {
    Agent {
        id: AgentId::from(name),
        capacity,
        domain: zone.map(|zone| FaultDomain { region: Word::from("r"), zone: Word::from(zone) }),
        attributes: BTreeMap::new(),
        state: AgentState::Active,
        gpu_room: GpuRoom::default(),
    }
}

/// Room of this many milli-CPU, bytes of memory and GPUs, for up to 110 pods.
pub(crate) fn room(cpu_milli: u64, memory_bytes: u64, gpus: u64) -> Resources {
    let gpus = if gpus == 0 { Counts::default() } else { Counts::of(Word::from("a100"), gpus) };
    Resources { pods: 110, gpus, ..Resources::new(cpu_milli, memory_bytes) }
}

impl World {
    pub(crate) fn new(spec: ServiceSpec) -> Self {
        Self {
            spec,
            view: ServiceView::default(),
            agents: BTreeMap::new(),
            facts: BTreeMap::new(),
            used: BTreeMap::new(),
            avoided: BTreeMap::new(),
            workload: None,
            now: Timestamp(1_000_000),
        }
    }

    pub(crate) fn add_agent(&mut self, agent: Agent) {
        self.facts.entry(agent.id.clone()).or_default();
        self.agents.insert(agent.id.clone(), agent);
    }

    pub(crate) fn plans(&self) -> Plans {
        plans(&self.spec, &self.view, self.now)
    }

    pub(crate) fn asks(&self) -> Vec<AskPlan> {
        asks(&self.spec, &self.view, &self.plans())
    }

    /// What of an agent is not in use.
    pub(crate) fn free(&self, agent: &Agent) -> Resources {
        let mut free = agent.capacity.clone();
        for (_, taken) in self.used.values().filter(|(on, _)| *on == agent.id) {
            free.take(taken).expect("no more is launched on an agent than fits");
        }
        free
    }

    /// The evaluation of one ask, with the agents that its constraints allow or with all of them.
    pub(crate) fn evaluate(&self, ask: &AskPlan, units: u32, every_agent: bool) -> Evaluation {
        let room = |agent| Room { agent, free: Cow::Owned(self.free(agent)) };
        let rooms: Vec<Vec<Room<'_>>> = ask
            .ask
            .members
            .iter()
            .map(|member| {
                let allows = |agent: &&Agent| every_agent || self.shows(agent, &member.constraints);
                self.agents.values().filter(allows).map(room).collect()
            })
            .collect();
        evaluate(&Inquiry {
            spec: &self.spec,
            view: &self.view,
            ask,
            rooms: &rooms,
            facts: &self.facts,
            workload: self.workload.as_ref(),
            units,
            now: self.now,
        })
    }

    fn shows(&self, agent: &Agent, constraints: &[Constraint]) -> bool {
        let is_avoided = self.avoided.get(&agent.id).is_some_and(|until| *until > self.now);
        !is_avoided && constraints.iter().all(|one| one.holds(agent))
    }

    /// Gives up a launch that failed.
    pub(crate) fn withdraw(&mut self, withdrawal: &Withdrawal) {
        self.set(&withdrawal.instance, TaskState::Absent);
        if let Some((agent, until)) = &withdrawal.avoid {
            self.seen_mut(&withdrawal.instance).failed_launches += 1;
            self.avoided.insert(agent.clone(), *until);
        }
    }

    /// Launches what an answer accepts.
    pub(crate) fn launch(&mut self, evaluation: &Evaluation) {
        let Answer::Accept(placements) = &evaluation.answer else {
            return;
        };
        for (instance, placement) in evaluation.placed.iter().zip(placements) {
            let taken = (placement.agent.clone(), placement.resources.clone());
            assert!(self.used.insert(instance.clone(), taken).is_none(), "{instance} is launched twice");
            let domain = self.agents[&placement.agent].domain.clone();
            let place = Place { agent: placement.agent.clone(), domain, agent_gone: false };
            let is_gated = self.start_of(instance) == Start::OneAtATimeWhenEmpty
                && self.seen(instance).data == Data::Empty;
            self.set(instance, if is_gated { TaskState::Gated } else { TaskState::Launched });
            self.seen_mut(instance).place = Some(place);
        }
    }

    fn start_of(&self, instance: &InstanceId) -> Start {
        self.spec.pod_type(&instance.pod_type).expect("only known pod types are launched").start
    }

    pub(crate) fn seen(&self, instance: &InstanceId) -> InstanceView {
        self.view.instances.get(instance).cloned().unwrap_or_else(|| InstanceView::absent(self.now))
    }

    pub(crate) fn seen_mut(&mut self, instance: &InstanceId) -> &mut InstanceView {
        let now = self.now;
        self.view.instances.entry(instance.clone()).or_insert_with(|| InstanceView::absent(now))
    }

    /// Lets an instance pass its start gate.
    pub(crate) fn lift(&mut self, instance: &InstanceId) {
        self.set(instance, TaskState::Launched);
        self.seen_mut(instance).started = true;
    }

    /// Moves an instance's task to a state and keeps the record of it.
    pub(crate) fn set(&mut self, instance: &InstanceId, state: TaskState) {
        let keeps_data = self.spec.pod_type(&instance.pod_type).is_some_and(|one| !one.volumes.is_empty());
        let now = self.now;
        let seen = self.seen_mut(instance);
        seen.task = View::Known(state.clone(), now);
        seen.since = now;
        match state {
            TaskState::Running { ready } => {
                seen.started = true;
                seen.joined |= ready;
                seen.failed_launches = 0;
                if ready {
                    seen.failures = 0;
                    seen.data = if keeps_data { Data::Present } else { Data::Empty };
                }
                self.view.gang_started = true;
            }
            TaskState::Failed { ref reason, .. } => {
                if !twofold_sdk::launch::is_no_fault(reason) {
                    seen.failures += 1;
                    seen.last_failure = Some(now);
                }
                self.used.remove(instance);
            }
            TaskState::Succeeded => {
                seen.joined = true;
                self.used.remove(instance);
            }
            TaskState::Absent => {
                seen.place = None;
                self.used.remove(instance);
            }
            TaskState::Launched
            | TaskState::Gated
            | TaskState::Starting
            | TaskState::Terminating
            | TaskState::Unreachable
            | TaskState::Lost => {}
        }
    }
}
