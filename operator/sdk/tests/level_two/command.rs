//! The words of the text cases.

use crate::declare::{agent_of, instance_of, pod_type, service};
use crate::world::World;
use std::fmt::Write as _;
use twofold_allocator::id::{AgentId, Word};
use twofold_allocator::offer::Answer;
use twofold_allocator::score::Workload;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::evaluate::Evaluation;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::launch::withdrawals;
use twofold_sdk::observed::{Data, Reach, TaskState, View};
use twofold_sdk::plan::{Plan, StepStatus};
use twofold_sdk::removal::removals;
use twofold_sdk::spec::ServiceSpec;
use twofold_sdk::start::starts;
use twofold_sdk::workload::typical;

/// Runs one line and says what came of it.
pub(crate) fn run(world: &mut World, line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["service", name, options @ ..] => {
            *world = World::new(service(name, options, world.now));
            String::new()
        }
        ["pod-type", name, options @ ..] => {
            let declared = pod_type(name, options);
            match world.spec.pod_types.iter_mut().find(|one| one.name == declared.name) {
                Some(old) => *old = declared,
                None => world.spec.pod_types.push(declared),
            }
            String::new()
        }
        ["agent", name, options @ ..] => {
            let (agent, facts) = agent_of(name, options);
            world.facts.insert(agent.id.clone(), facts);
            world.agents.insert(agent.id.clone(), agent);
            String::new()
        }
        ["usual", name, options @ ..] => {
            let usual = ServiceSpec { pod_types: vec![pod_type(name, options)], ..world.spec.clone() };
            world.workload = Some(Workload::new(&typical([&usual])));
            String::new()
        }
        ["agent-gone", name] => agent_gone(world, name),
        ["record", instance, options @ ..] => record(world, &instance_of(instance), options),
        ["task", instance, state @ ..] => task(world, &instance_of(instance), state),
        ["time", span] => {
            let seconds: u64 = span.trim_start_matches('+').trim_end_matches('s').parse().unwrap();
            world.now = world.now.plus_millis(seconds * 1000);
            String::new()
        }
        ["plan"] => plan_lines(world),
        ["offer"] => offer(world),
        ["explain"] => explain(world),
        ["starts"] => {
            let due = starts(&world.spec, &world.view);
            due.iter().for_each(|instance| world.lift(instance));
            due.iter().map(|instance| format!("{instance} starts\n")).collect()
        }
        ["removals"] => {
            let due = removals(&world.spec, &world.view, world.now);
            due.iter().for_each(|one| world.set(&one.instance, TaskState::Absent));
            due.iter().map(|one| format!("{} is deleted: {:?}\n", one.instance, one.why)).collect()
        }
        ["withdrawals"] => withdraw(world),
        ["validate"] => {
            twofold_sdk::validate::validate(&world.spec).iter().map(|one| format!("{one}\n")).collect()
        }
        _ => panic!("no such command: {line}"),
    }
}

fn offer(world: &mut World) -> String {
    let mut text = String::new();
    let asks = world.asks();
    if asks.is_empty() {
        text.push_str("nothing is asked for\n");
    }
    for ask in asks {
        let evaluation = world.evaluate(&ask, u32::MAX, false);
        answer_lines(&mut text, ask.ask.id.as_str(), &evaluation);
        world.launch(&evaluation);
    }
    text
}

fn answer_lines(text: &mut String, ask: &str, evaluation: &Evaluation) {
    match &evaluation.answer {
        Answer::Accept(placements) => {
            for (instance, placement) in evaluation.placed.iter().zip(placements) {
                let gpus: Vec<String> = placement
                    .resources
                    .gpus
                    .iter()
                    .map(|(model, count)| format!(" {model}:{count}"))
                    .collect();
                writeln!(text, "{ask}: {instance} on {}{}", placement.agent, gpus.concat()).unwrap();
            }
        }
        Answer::Operate(_) | Answer::Decline { .. } => writeln!(text, "{ask}: declined").unwrap(),
    }
    refusal_lines(text, evaluation);
}

fn refusal_lines(text: &mut String, evaluation: &Evaluation) {
    if let Some(refusals) = &evaluation.refusals {
        for part in refusals.to_string().split("; ") {
            writeln!(text, "  {part}").unwrap();
        }
    }
}

fn explain(world: &World) -> String {
    let mut text = String::new();
    for ask in world.asks() {
        writeln!(text, "{}:", ask.ask.id).unwrap();
        refusal_lines(&mut text, &world.evaluate(&ask, u32::MAX, true));
    }
    text
}

fn withdraw(world: &mut World) -> String {
    let due = withdrawals(&world.spec, &world.view, world.now, 60_000);
    let mut text = String::new();
    for one in due {
        write!(text, "{} is withdrawn: {}", one.instance, one.why).unwrap();
        if let Some((agent, until)) = &one.avoid {
            write!(text, "; avoid {agent} for {} s", until.millis_since(world.now) / 1000).unwrap();
        }
        text.push('\n');
        world.withdraw(&one);
    }
    text
}

fn plan_lines(world: &World) -> String {
    let plans = world.plans();
    let mut text = String::new();
    for plan in [&plans.deploy, &plans.recovery] {
        let degraded = if plan.is_degraded() { ", degraded" } else { "" };
        writeln!(text, "{} {:?}{degraded}", plan.name, plan.status()).unwrap();
        step_lines(&mut text, plan, world.now);
    }
    if plans.finished {
        text.push_str("finished\n");
    }
    text
}

fn step_lines(text: &mut String, plan: &Plan, now: Timestamp) {
    for phase in &plan.phases {
        writeln!(text, "  {} {:?}", phase.name, phase.status()).unwrap();
        for step in &phase.steps {
            let status = match &step.status {
                StepStatus::Delayed { until } => format!("Delayed for {} s", until.millis_since(now) / 1000),
                StepStatus::Unknown { why } => format!("Unknown: {why}"),
                StepStatus::Error { text } => format!("Error: {text}"),
                other => format!("{other:?}"),
            };
            let degraded = if step.degraded { ", degraded" } else { "" };
            writeln!(text, "    {} {status}{degraded}", step.instance).unwrap();
        }
    }
}

fn task(world: &mut World, instance: &InstanceId, state: &[&str]) -> String {
    let state = match state {
        ["launched"] => TaskState::Launched,
        ["starting"] => TaskState::Starting,
        ["running"] => TaskState::Running { ready: false },
        ["ready"] => TaskState::Running { ready: true },
        ["succeeded"] => TaskState::Succeeded,
        ["failed", code] => TaskState::Failed { exit_code: code.parse().ok(), reason: String::new() },
        ["failed", code, reason] => {
            TaskState::Failed { exit_code: code.parse().ok(), reason: (*reason).to_string() }
        }
        ["terminating"] => TaskState::Terminating,
        ["gone"] => TaskState::Absent,
        ["unreachable"] => TaskState::Unreachable,
        ["lost"] => TaskState::Lost,
        ["unknown", why @ ..] => {
            world.seen_mut(instance).task = View::Unknown(why.join(" "));
            return String::new();
        }
        _ => panic!("no such state: {state:?}"),
    };
    world.set(instance, state);
    String::new()
}

fn agent_gone(world: &mut World, name: &str) -> String {
    world.agents.remove(&AgentId::from(name));
    let on_it = world.view.instances.values_mut().filter_map(|seen| seen.place.as_mut());
    on_it.filter(|place| place.agent.as_str() == name).for_each(|place| place.agent_gone = true);
    String::new()
}

fn record(world: &mut World, instance: &InstanceId, options: &[&str]) -> String {
    let seen = world.seen_mut(instance);
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("zone", zone) => seen.bound_zone = Some(Word::from(zone)),
            ("reach-agent", agent) => seen.reach = Reach::Agents([AgentId::from(agent)].into()),
            ("reach-zone", zone) => seen.reach = Reach::Zones([Word::from(zone)].into()),
            ("kept", agent) => seen.kept = Some(AgentId::from(agent)),
            ("data", "present") => seen.data = Data::Present,
            ("data", "empty") => seen.data = Data::Empty,
            ("data", why) => seen.data = Data::Unknown(why.to_string()),
            ("started", _) => seen.started = true,
            ("joined", _) => seen.joined = true,
            _ => panic!("no such record: {option}"),
        }
    }
    String::new()
}
