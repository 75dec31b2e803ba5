//! A world in text: commands go in, what happened comes out. Cases and their expected results are such text.

mod devices;

use devices::{grants, named};
use std::collections::BTreeMap;
use std::fmt::Write;
use twofold_allocator::agent::{Agent, AgentState, GpuRoom};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::ask::{Ask, Constraint, Demand, Member, Shape};
use twofold_allocator::change::Change;
use twofold_allocator::domain::FaultDomain;
use twofold_allocator::explain::hold::HoldWord;
use twofold_allocator::explain::{Explanation, Miss, Standing};
use twofold_allocator::framework::Framework;
use twofold_allocator::gpu::GpuRequest;
use twofold_allocator::headroom::Block;
use twofold_allocator::holding::{Holding, Owner, UnitMark};
use twofold_allocator::id::{FrameworkId, OfferId, RolePath, Word};
use twofold_allocator::inverse::{InverseAnswer, InverseOffer};
use twofold_allocator::offer::{Answer, Offer, Placement, Terms};
use twofold_allocator::operation::Operation;
use twofold_allocator::other::Other;
use twofold_allocator::policy::{Grain, Policy};
use twofold_allocator::ports::Ports;
use twofold_allocator::quantity::{parse_bytes, parse_count, parse_cpu_milli};
use twofold_allocator::reclaim::UnitWord;
use twofold_allocator::reservation::{Reach, Reservation, ReservedFor, Volume};
use twofold_allocator::resources::{Amount, Amounts, Kind, Listed, Resources};
use twofold_allocator::role::{FrameworkOrder, Role};
use twofold_allocator::tick::{Tick, Timestamp};

pub(crate) struct World {
    pub(crate) allocator: Allocator,
    pub(crate) tick: Tick,
    offer: Option<Offer>,
    named: BTreeMap<FrameworkId, u32>,
}

/// `key=value` words of a command.
struct Words<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        Self(text.split_whitespace().map(|word| word.split_once('=').unwrap_or((word, ""))).collect())
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    fn number<T: std::str::FromStr>(&self, key: &str, default: T) -> Option<T> {
        self.get(key).map_or(Some(default), |text| text.parse().ok())
    }
}

fn kind(text: &str) -> Kind {
    match text {
        "cpu" => Kind::Cpu,
        "memory" => Kind::Memory,
        "disk" => Kind::Disk,
        "pods" => Kind::Pods,
        "gpu" => Kind::Gpu,
        "ports" => Kind::Ports,
        other if other.starts_with("port:") => other
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .map_or_else(|_| Kind::Other(other.into()), |port| Kind::PortRange(port, port)),
        other => {
            other.strip_prefix("gpu:").map_or(Kind::Other(other.into()), |model| Kind::GpuModel(model.into()))
        }
    }
}

fn amount(kind: &Kind, text: &str) -> Option<u64> {
    match kind {
        Kind::Cpu => parse_cpu_milli(text).ok(),
        Kind::Memory | Kind::Disk => parse_bytes(text).ok(),
        Kind::Pods | Kind::Gpu | Kind::GpuModel(_) | Kind::Other(_) | Kind::Ports | Kind::PortRange(..) => {
            parse_count(text).ok()
        }
    }
}

/// `cpu:4,gpu:a100:2` as amounts.
fn amounts(text: Option<&str>) -> Option<Amounts> {
    let parts = text.unwrap_or_default().split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.rsplit_once(':')?;
            Some((kind(name), amount(&kind(name), value)?))
        })
        .collect()
}

/// `v:agent:m`, `v:zone:z` or `v:anywhere` as a volume, with `size=4` and `shared` beside it.
fn volume(text: &str, words: &Words<'_>) -> Option<Volume> {
    let (id, reach) = text.split_once(':')?;
    let reach = match reach.split_once(':') {
        Some(("agent", agent)) => Reach::Agent(agent.into()),
        Some((_, zone)) => Reach::Zone(zone.into()),
        None => Reach::Anywhere,
    };
    let size_bytes = words.get("size").map_or(Some(0), |text| parse_bytes(text).ok())?;
    Some(Volume { id: id.into(), reach, size_bytes, shared: words.get("shared").is_some() })
}

/// `role=a ` before the rest of a command, and the rest.
fn in_role(text: &str) -> (Option<&str>, &str) {
    match text.strip_prefix("role=") {
        Some(text) => text.split_once(' ').map_or((Some(text), ""), |(role, rest)| (Some(role), rest)),
        None => (None, text),
    }
}

/// `ID AGENT role=a cpu=1` or `ID AGENT framework=f role=a instance=i cpu=1 volume=v:agent:m refines=ID` as a
/// reservation.
fn reservation(
    id: &str,
    more: &str,
    role_of: impl Fn(&str, Option<&str>) -> RolePath,
) -> Option<Reservation> {
    let (agent, _) = more.split_once(' ').unwrap_or((more, ""));
    let words = &Words::of(more);
    let instance = words.get("instance").unwrap_or("i").into();
    Some(Reservation {
        id: id.into(),
        owner: match words.get("framework") {
            Some(framework) => ReservedFor::Instance {
                framework: framework.into(),
                role: role_of(framework, words.get("role")),
                instance,
            },
            None => ReservedFor::Role(path(words.get("role").unwrap_or("/"))),
        },
        agent: agent.into(),
        resources: resources(words)?,
        volume: words.get("volume").and_then(|text| volume(text, words)),
        refines: words.get("refines").map(Into::into),
    })
}

/// `80,8000-8009,any:2` as ports.
fn ports(text: &str) -> Option<Ports> {
    let mut open = 0;
    let mut ranges = Vec::new();
    for one in text.split(',') {
        match (one.strip_prefix("any:"), one.split_once('-')) {
            (Some(count), _) => open = count.parse().ok()?,
            (None, Some((first, last))) => ranges.push((first.parse().ok()?, last.parse().ok()?)),
            (None, None) => ranges.push((one.parse().ok()?, one.parse().ok()?)),
        }
    }
    let mut other = Other::of_ports(ranges.into_iter().collect());
    other.add_ports(&Ports::any(open));
    Some(other.ports().clone())
}

fn resources(words: &Words<'_>) -> Option<Resources> {
    let mut resources = Resources::default();
    for (key, value) in &words.0 {
        match *key {
            "cpu" => resources.cpu_milli = parse_cpu_milli(value).ok()?,
            "memory" => resources.memory_bytes = parse_bytes(value).ok()?,
            "disk" => resources.disk_bytes = parse_bytes(value).ok()?,
            "pods" => resources.pods = parse_count(value).ok()?,
            "gpu" => {
                for one in value.split(',') {
                    let (model, count) = one.split_once(':')?;
                    resources.gpus.add(&model.into(), count.parse().ok()?);
                }
            }
            "ports" => resources.other.add_ports(&ports(value)?),
            other => {
                if let Some(name) = other.strip_prefix("x.") {
                    resources.other.add(&name.into(), parse_count(value).ok()?);
                }
            }
        }
    }
    Some(resources)
}

/// `ssd=yes|no` written as `where=ssd:yes|no`, zones as `zone=a|b`, agents as `on=a|b` and `not-on=a`.
fn constraints(words: &Words<'_>) -> Option<Vec<Constraint>> {
    let set = |text: &str| text.split('|').map(Word::from).collect();
    let agents = |text: &str| text.split('|').map(Into::into).collect();
    let one = |(key, value): &(&str, &str)| match *key {
        "zone" => Some(Some(Constraint::ZoneIn(set(value)))),
        "reach" => Some(volume(value, words).map(|volume| Constraint::InReach(volume.id, volume.reach))),
        "revocable" => Some(Some(Constraint::Revocable)),
        "on" => Some(Some(Constraint::AgentIn(agents(value)))),
        "not-on" => Some(Some(Constraint::AgentNotIn(agents(value)))),
        "where" => {
            let attribute = value.split_once(':');
            Some(attribute.map(|(key, values)| Constraint::AttributeIn(key.into(), set(values))))
        }
        _ => None,
    };
    words.0.iter().filter_map(one).collect()
}

fn member(text: &str) -> Option<Member> {
    let words = Words::of(text);
    let base = resources(&Words(words.0.iter().copied().filter(|(key, _)| *key != "gpu").collect()))?;
    let one_island = words.get("one-island").is_some();
    let gpu = match words.get("gpu").map(|text| text.split_once(':').ok_or(text)) {
        None => None,
        Some(Ok((model, count))) => {
            Some(GpuRequest { model: Some(model.into()), count: count.parse().ok()?, one_island })
        }
        Some(Err(count)) => Some(GpuRequest { model: None, count: count.parse().ok()?, one_island }),
    };
    Some(Member {
        shape: Shape { base, gpu },
        count: words.number("count", 1)?,
        least: words.number("least", 0)?,
        constraints: constraints(&words)?,
        reservation: words.get("back").map(Into::into),
    })
}

/// `NAME[ key=value ]{ member ; member } NAME{ ... }` as asks.
fn asks(text: &str) -> Option<Vec<Ask>> {
    let ask = |one: &str| {
        let (head, members) = one.split_once('{')?;
        let (name, rest) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
        let words = Words::of(rest);
        Some(Ask {
            id: name.into(),
            members: members.split(';').map(member).collect::<Option<_>>()?,
            priority: words.number("priority", 0)?,
            since: Timestamp(words.number("since", 0)?),
            reclaimable: words.get("reclaimable").is_some(),
        })
    };
    text.split('}').filter(|one| !one.trim().is_empty()).map(ask).collect()
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            allocator: Allocator::new(Policy::default()),
            tick: Tick::default(),
            offer: None,
            named: BTreeMap::new(),
        }
    }

    /// Runs one command and says what happened, and which laws do not hold after it.
    pub(crate) fn run(&mut self, command: &str) -> String {
        let mut out = self.tell(command);
        out.push_str(&self.audit());
        out
    }

    /// Runs one command and says what happened.
    pub(crate) fn tell(&mut self, command: &str) -> String {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let (name, more) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        match verb {
            "policy" => self.policy(&Words::of(rest)),
            "tick" => {
                self.tick.now = Timestamp(name.parse().unwrap());
                String::new()
            }
            "cycle" => self.cycle(&Words::of(rest)),
            "begin" => {
                self.begin();
                String::new()
            }
            "next" => self.next(),
            "shown" => self.shown(),
            "accept" => self.accept(rest),
            "operate" => self.operate(rest),
            "reservations" => self.reservations(),
            "may-reserve" => {
                let reservation = self.reservation(name, more).unwrap();
                format!("{}\n", if self.allocator.may_reserve(&reservation) { "yes" } else { "no" })
            }
            "decline" => self.decline(Words::of(rest).get("until")),
            "agents" => self.agents(),
            "owners" => devices::owners(&self.allocator, name),
            "roles" => self.roles(),
            "rescinded" => self.rescinded(),
            "holds" => self.holds(),
            "hold" => self.hold(name, more),
            "explain" => self.explain(name, more),
            "inverse" => self.inverse(),
            "give" => self.answer(name, InverseAnswer::Accept),
            "keep" => {
                let until = Timestamp(Words::of(more).number("until", 0).unwrap());
                self.answer(name, InverseAnswer::Decline { until })
            }
            "ended" => self.ended(),
            "reclaim" => self.reclaim(name, more),
            "audit" => self.audit(),
            _ => match self.change_of(command) {
                Some(change) => match self.allocator.apply(change) {
                    Ok(()) => String::new(),
                    Err(refused) => format!("refused: {refused}\n"),
                },
                None => panic!("no such command, or it is not well formed: {command}"),
            },
        }
    }

    fn policy(&mut self, words: &Words<'_>) -> String {
        let mut policy = Policy::default();
        if let Some((numerator, denominator)) = words.get("grain").and_then(|text| text.split_once('/')) {
            policy.grain =
                Grain { numerator: numerator.parse().unwrap(), denominator: denominator.parse().unwrap() };
        }
        if let Some(fair) = words.get("fair") {
            policy.fair_set = fair.split(',').map(kind).collect();
        }
        policy.turns_per_cycle_max = words.number("turns", policy.turns_per_cycle_max).unwrap();
        policy.open_offer_millis = words.get("open-millis").map(|text| text.parse().unwrap());
        match words.get("patience") {
            Some("none") => policy.hold_patience_millis = None,
            Some(text) => policy.hold_patience_millis = Some(text.parse().unwrap()),
            None => {}
        }
        match words.get("inverse-millis") {
            Some("none") => policy.inverse_offer_millis = None,
            Some(text) => policy.inverse_offer_millis = Some(text.parse().unwrap()),
            None => {}
        }
        policy.local_region = words.get("local-region").map(Into::into);
        policy.inverse_offers_of_draining = words.get("draining") != Some("kept");
        self.allocator = Allocator::new(policy);
        String::new()
    }

    /// The role that is named; where none is, the first that the framework is in, or else the root.
    fn role_of(&self, framework: &str, named: Option<&str>) -> RolePath {
        let first = || self.allocator.framework(&framework.into())?.roles.first().cloned();
        named.map(path).or_else(first).unwrap_or_else(RolePath::root)
    }

    fn reservation(&self, id: &str, more: &str) -> Option<Reservation> {
        reservation(id, more, |framework, named| self.role_of(framework, named))
    }

    /// Why `ASK` or `ASK role=a` of a framework waits.
    fn why(&self, framework: &str, more: &str) -> Option<Explanation> {
        let (ask, more) = more.split_once(' ').unwrap_or((more, ""));
        let role = self.role_of(framework, Words::of(more).get("role"));
        self.allocator.explain(&framework.into(), &role, &ask.into())
    }

    /// The change that a command tells; none when it tells none or is not well formed.
    pub(crate) fn change_of(&self, command: &str) -> Option<Change> {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let (name, more) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        self.change(verb, name, more, &Words::of(more))
    }

    fn change(&self, verb: &str, name: &str, more: &str, words: &Words<'_>) -> Option<Change> {
        Some(match verb {
            "agent" => Change::Agent(agent(name, words)?),
            "agent-gone" => Change::AgentGone(name.into()),
            "devices" | "devices-gone" => devices::change(verb, name, words)?,
            "role" => Change::Role(Role {
                path: path(name),
                weight: words.number("weight", 1)?,
                guarantee: amounts(words.get("guarantee"))?,
                limit: amounts(words.get("limit"))?,
                agents: constraints(words)?,
                order: if words.get("order") == Some("drf") {
                    FrameworkOrder::Drf
                } else {
                    FrameworkOrder::Priority
                },
            }),
            "role-gone" => Change::RoleGone(path(name)),
            "framework" => Change::Framework(Framework {
                id: name.into(),
                roles: match words.get("role").unwrap_or("/") {
                    "" => Vec::new(),
                    roles => roles.split('|').map(path).collect(),
                },
                priority: words.number("priority", 0)?,
                since: Timestamp(words.number("since", 0)?),
                region_aware: words.get("region-aware").is_some(),
            }),
            "framework-gone" => Change::FrameworkGone(name.into()),
            "asks" => {
                let (role, more) = in_role(more);
                self.demand(name, role, Demand::Asks(asks(more)?))
            }
            "open" => self.demand(name, words.get("role"), Demand::Open { least: resources(words)? }),
            "none" => self.demand(name, words.get("role"), Demand::None),
            "holding" => Change::Holding(self.holding(name, more, words)?),
            "pause" => Change::Pause { framework: name.into(), paused: true },
            "resume" => Change::Pause { framework: name.into(), paused: false },
            "holding-gone" => Change::HoldingGone(name.into()),
            "reservation" => Change::Reservation(self.reservation(name, more)?),
            "reservation-gone" => Change::ReservationGone(name.into()),
            "revocable" => Change::Revocable { agent: name.into(), resources: resources(words)? },
            "local-region" => Change::LocalRegion((name != "none").then(|| name.into())),
            "avoid" => Change::Avoid {
                framework: name.into(),
                agent: words.get("agent")?.into(),
                until: Timestamp(words.number("until", 0)?),
            },
            _ => return None,
        })
    }

    /// `TASK AGENT FRAMEWORK|foreign role=a cpu=1 ...` as a holding.
    fn holding(&self, name: &str, more: &str, words: &Words<'_>) -> Option<Holding> {
        let [task, agent, owner] = name_three(name, more)?;
        Some(Holding {
            task: task.into(),
            agent: agent.into(),
            owner: if owner == "foreign" {
                Owner::Foreign
            } else {
                Owner::Framework { id: owner.into(), role: self.role_of(owner, words.get("role")) }
            },
            resources: resources(words)?,
            finishing: words.get("finishing").is_some(),
            unit: match words.get("unit") {
                None => None,
                Some(unit) => Some(UnitMark {
                    id: unit.into(),
                    reclaimable: words.get("reclaimable").is_some(),
                    since: Timestamp(words.number("since", 0)?),
                }),
            },
            reservation: words.get("in").map(Into::into),
            devices: grants(words)?,
        })
    }

    fn demand(&self, framework: &str, role: Option<&str>, demand: Demand) -> Change {
        let role = self.role_of(framework, role);
        Change::Demand { framework: framework.into(), role, demand }
    }

    fn begin(&mut self) {
        self.tick.cycle += 1;
        self.allocator.begin(self.tick);
    }

    /// A whole cycle in which every framework takes what fits first, by name of the agent; `answer=decline` refuses
    /// everything, `take=N` takes at most N units, `turns=N` stops after N offers.
    fn cycle(&mut self, words: &Words<'_>) -> String {
        self.begin();
        let mut out = String::new();
        let most: u32 = words.number("turns", u32::MAX).unwrap();
        for _ in 0..most {
            let Some(offer) = self.allocator.next_offer() else { break };
            out.push_str(&told(&offer));
            let answer = match words.get("answer") {
                Some("decline") => Answer::Decline { until: None },
                Some(_) | None => self.first_fit(&offer, words.number("take", u32::MAX).unwrap()),
            };
            self.settle(&offer, answer, &mut out);
        }
        if self.allocator.ended_early() {
            out.push_str("cycle ended early\n");
        }
        out
    }

    fn settle(&mut self, offer: &Offer, answer: Answer, out: &mut String) {
        let declined = matches!(answer, Answer::Decline { .. });
        match self.allocator.settle(offer.id, answer) {
            Ok(launches) => {
                if declined {
                    out.push_str("  declined\n");
                }
                // Equal tasks in a row are told as one line.
                let mut told: Vec<(&Placement, u32)> = Vec::new();
                for launch in &launches {
                    let now = launch.placement();
                    match told.last_mut() {
                        Some((last, count))
                            if (&last.agent, &last.resources) == (&now.agent, &now.resources)
                                && now.devices.is_empty() =>
                        {
                            *count += 1
                        }
                        Some(_) | None => told.push((now, 1)),
                    }
                }
                for (first, count) in told {
                    let Placement { task, agent, resources, devices, member: _ } = first;
                    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
                    writeln!(out, "  {task}{more} on {agent}: {resources}{}", named(devices)).unwrap();
                }
            }
            Err(error) => writeln!(out, "  refused: {error}").unwrap(),
        }
    }

    /// What fits first, by name of the agent; nothing is taken of a gang that does not fit whole.
    pub(crate) fn first_fit(&mut self, offer: &Offer, take: u32) -> Answer {
        let shown = self.allocator.shown(offer);
        let mut placements = Vec::new();
        let mut name = self.named.get(&offer.framework).copied().unwrap_or_default();
        let mut place = |member: usize, agent: &Agent, resources: Resources| {
            let task = format!("{}-{name}", offer.framework).into();
            name += 1;
            placements.push(Placement { task, member, agent: agent.id.clone(), resources, devices: vec![] });
        };
        match &offer.terms {
            Terms::Parts { .. } => {
                for (agent, part) in shown.agents() {
                    // A share comes from one device: those of several are no one task's.
                    let mut part = part.into_owned();
                    part.other.remove(&"m.shared".into());
                    if !part.is_zero() {
                        place(0, agent, part);
                    }
                }
            }
            Terms::Units { units, .. } => {
                let mut free: BTreeMap<_, Resources> =
                    shown.agents().map(|(agent, free)| (agent.id.clone(), free.into_owned())).collect();
                let mut left = (*units).min(take);
                for at in 0..16 {
                    let Some(view) = shown.member(at) else { continue };
                    let gang = view.wanted().least > 0;
                    let wanted = if gang { view.wanted().least } else { view.wanted().count.min(left) };
                    let mut missing = wanted;
                    for (agent, _) in view.agents() {
                        let room = free.get_mut(&agent.id).unwrap();
                        while missing > 0 {
                            let Ok(taken) = view.wanted().shape.on(room) else { break };
                            room.take(&taken).unwrap();
                            place(at, agent, taken);
                            missing -= 1;
                        }
                    }
                    if gang && missing > 0 {
                        return Answer::Decline { until: None };
                    }
                    left -= if gang { 0 } else { wanted - missing };
                }
            }
        }
        if placements.is_empty() {
            return Answer::Decline { until: None };
        }
        self.named.insert(offer.framework.clone(), name);
        Answer::Accept(placements)
    }

    fn next(&mut self) -> String {
        self.offer = self.allocator.next_offer();
        self.offer.as_ref().map_or_else(|| "no offer\n".to_owned(), told)
    }

    fn shown(&self) -> String {
        let mut out = String::new();
        let Some(offer) = &self.offer else { return out };
        let shown = self.allocator.shown(offer);
        if let Terms::Parts { .. } = offer.terms {
            for (agent, part) in shown.agents() {
                writeln!(out, "{}: {part}", agent.id).unwrap();
            }
        }
        for at in 0..16 {
            let Some(view) = shown.member(at) else { continue };
            for (agent, free) in view.agents() {
                writeln!(out, "member {at} on {}: {free}", agent.id).unwrap();
            }
        }
        out
    }

    /// `accept TASK MEMBER AGENT cpu=1 ... ; TASK MEMBER AGENT ...`
    fn accept(&mut self, text: &str) -> String {
        let placements = text.split(';').filter(|one| !one.trim().is_empty()).map(placement).collect();
        let mut out = String::new();
        if let Some(offer) = self.offer.clone() {
            self.settle(&offer, Answer::Accept(placements), &mut out);
        }
        out
    }

    /// `operate reserve ID AGENT ... ; unreserve ID ; create-volume ID v:anywhere ; destroy-volume ID v ; launch TASK ...`
    fn operate(&mut self, text: &str) -> String {
        let operation = |one: &str| {
            let (verb, rest) = one.trim().split_once(' ').unwrap();
            let (name, more) = rest.split_once(' ').unwrap_or((rest, ""));
            match verb {
                "reserve" => Operation::Reserve(self.reservation(name, more).unwrap()),
                "unreserve" => Operation::Unreserve(name.into()),
                "create-volume" => {
                    let text = more.split(' ').next().unwrap();
                    Operation::CreateVolume(name.into(), volume(text, &Words::of(more)).unwrap())
                }
                "destroy-volume" => Operation::DestroyVolume(name.into(), more.into()),
                "grow-volume" | "shrink-volume" => {
                    let (volume, by) = more.split_once(' ').unwrap();
                    let (id, by) = (volume.into(), parse_bytes(by).unwrap());
                    if verb == "grow-volume" {
                        Operation::GrowVolume(name.into(), id, by)
                    } else {
                        Operation::ShrinkVolume(name.into(), id, by)
                    }
                }
                "launch" => Operation::Launch(placement(rest)),
                _ => panic!("no such operation: {one}"),
            }
        };
        let operations = text.split(';').filter(|one| !one.trim().is_empty()).map(operation).collect();
        let mut out = String::new();
        if let Some(offer) = self.offer.clone() {
            self.settle(&offer, Answer::Operate(operations), &mut out);
        }
        out
    }

    fn reservations(&self) -> String {
        let mut out = String::new();
        for report in self.allocator.reservations() {
            let Reservation { id, owner, agent, resources, volume, refines } = report.reservation;
            write!(out, "{id}: {resources} of {agent} for {owner}; idle {}", report.idle).unwrap();
            if let Some(volume) = volume {
                write!(out, "; volume {}", volume.id).unwrap();
                if volume.size_bytes > 0 {
                    write!(out, " of {}", Amount(&Kind::Disk, volume.size_bytes)).unwrap();
                }
                write!(out, " from {}", volume.reach).unwrap();
                if volume.shared {
                    write!(out, ", shared by {}", report.tasks).unwrap();
                }
            }
            if let Some(refines) = refines {
                write!(out, "; part of {refines}").unwrap();
            }
            out.push('\n');
        }
        out
    }

    fn decline(&mut self, until: Option<&str>) -> String {
        let mut out = String::new();
        let until = until.map(|text| Timestamp(text.parse().unwrap()));
        if let Some(offer) = self.offer.clone() {
            self.settle(&offer, Answer::Decline { until }, &mut out);
        }
        out
    }

    fn agents(&self) -> String {
        let mut out = String::new();
        for agent in self.allocator.agents() {
            let report = self.allocator.agent(&agent.id).unwrap();
            write!(out, "{}: charged {}; free {}", agent.id, report.charged, report.free).unwrap();
            let sums = [
                ("foreign", report.foreign),
                ("offered", report.offered),
                ("held", report.held),
                ("reserved", report.reserved),
            ];
            for (what, sum) in sums {
                if !sum.is_zero() {
                    write!(out, "; {what} {sum}").unwrap();
                }
            }
            if !report.excess.is_empty() {
                write!(out, "; EXCESS {}", Listed(&report.excess)).unwrap();
            }
            out.push('\n');
        }
        out
    }

    fn roles(&self) -> String {
        let mut out = String::new();
        for report in self.allocator.roles() {
            let (over, under) = report.share;
            let divisor = gcd(over, under);
            write!(
                out,
                "{}: charged {}; share {}/{}",
                report.path,
                report.charged,
                over / divisor,
                under / divisor
            )
            .unwrap();
            if !report.held.is_zero() {
                write!(out, "; held {}", report.held).unwrap();
            }
            if !report.reserved.is_zero() {
                write!(out, "; reserved {}", report.reserved).unwrap();
            }
            if !report.revocable.is_zero() {
                write!(out, "; revocable {}", report.revocable).unwrap();
            }
            if !report.need.is_empty() {
                write!(out, "; need {}", Listed(report.need)).unwrap();
            }
            if !report.excess.is_empty() {
                write!(out, "; EXCESS {}", Listed(&report.excess)).unwrap();
            }
            out.push('\n');
        }
        out
    }

    /// Every hold: what it has and misses on each agent, and when it expires.
    fn holds(&self) -> String {
        self.allocator
            .holds()
            .map(|(framework, role, ask, word)| format!("{framework} of {role} {ask}: {}", held(&word)))
            .collect()
    }

    /// What is held for one ask, or why nothing is.
    fn hold(&self, framework: &str, ask: &str) -> String {
        match self.why(framework, ask).map(|why| why.hold) {
            Some(Ok(word)) => held(&word),
            Some(Err(why)) => format!("no hold: {why}\n"),
            None => "not known\n".into(),
        }
    }

    /// The new inverse offers.
    fn inverse(&mut self) -> String {
        let mut out = String::new();
        while let Some(offer) = self.allocator.next_inverse() {
            let InverseOffer { id, framework, role, unit, tasks, agents, why, expires } = offer;
            let tasks: Vec<&str> = tasks.iter().map(|task| task.as_str()).collect();
            let agents: Vec<&str> = agents.iter().map(|agent| agent.as_str()).collect();
            let (tasks, agents) = (tasks.join(" "), agents.join(" "));
            writeln!(
                out,
                "inverse {} to {framework} of {role}: {unit} ({tasks} on {agents}) until {}, as {why}",
                id.0, expires.0
            )
            .unwrap();
        }
        out
    }

    fn answer(&mut self, id: &str, answer: InverseAnswer) -> String {
        match self.allocator.settle_inverse(OfferId(id.parse().unwrap()), answer) {
            Ok(()) => String::new(),
            Err(error) => format!("refused: {error}\n"),
        }
    }

    fn ended(&mut self) -> String {
        let ended = self.allocator.take_inverse_ended();
        ended.iter().map(|id| format!("inverse {} ended\n", id.0)).collect()
    }

    /// What is asked back for an ask, or why nothing is.
    fn reclaim(&self, framework: &str, ask: &str) -> String {
        match self.why(framework, ask).map(|why| why.reclaim) {
            Some(Ok(word)) => {
                let mut out = String::new();
                for (agent, part) in &word.parts {
                    write!(out, "{part} of {agent}; ").unwrap();
                }
                for UnitWord { framework, role, unit, accepted } in &word.units {
                    let accepted = if *accepted { ", accepted" } else { "" };
                    write!(out, "asks {unit} of {framework} back from {role}{accepted}; ").unwrap();
                }
                out.truncate(out.len() - 2);
                out + "\n"
            }
            Some(Err(why)) => format!("no claim: {why}\n"),
            None => "not known\n".into(),
        }
    }

    fn rescinded(&mut self) -> String {
        self.allocator.take_rescinded().iter().map(|id| format!("offer {} rescinded\n", id.0)).collect()
    }

    fn explain(&self, framework: &str, ask: &str) -> String {
        let Some(why) = self.why(framework, ask) else {
            return "not known\n".into();
        };
        let mut out = format!("role {}: {}\n", why.role, standing(&why.standing));
        for word in &why.members {
            for (agent, stage) in &word.agents {
                let stage = stage.as_ref().map_or("fits".to_owned(), ToString::to_string);
                writeln!(out, "member {} on {agent}: {stage}", word.member).unwrap();
            }
        }
        write!(out, "{} of {} placed", why.fit.placed, why.fit.wanted).unwrap();
        match &why.fit.miss {
            Some(Miss { member, nearest: Some((agent, missing)) }) => {
                writeln!(out, "; member {member} is nearest on {agent}: {} missing", Listed(missing))
                    .unwrap();
            }
            Some(Miss { member, nearest: None }) => {
                writeln!(out, "; member {member} may go nowhere").unwrap()
            }
            None => out.push('\n'),
        }
        writeln!(out, "on the empty cluster: {:?}", why.on_empty_cluster).unwrap();
        let verdict =
            |verdict: &Result<(), Block>| verdict.as_ref().err().map_or("yes".into(), ToString::to_string);
        writeln!(out, "inside its limits: {}", verdict(&why.inside_limits)).unwrap();
        writeln!(out, "beside the guarantees of others: {}", verdict(&why.beside_guarantees)).unwrap();
        for (role, missing) in &why.owed {
            writeln!(out, "role {role} is owed {}", Listed(missing)).unwrap();
        }
        out
    }

    /// The laws hold after every command; what is broken is told.
    fn audit(&self) -> String {
        self.allocator.audit().iter().map(|violation| format!("BROKEN: {violation}\n")).collect()
    }
}

fn told(offer: &Offer) -> String {
    let Offer { id, framework, role, terms } = offer;
    match terms {
        Terms::Units { ask, units } => format!("offer {} to {framework} of {role}: {units} of {ask}\n", id.0),
        Terms::Parts { parts, expires } => {
            let until = expires.map_or(String::new(), |at| format!(" until {}", at.0));
            let mut out = format!("offer {} to {framework} of {role}{until}:\n", id.0);
            for (agent, part) in parts {
                writeln!(out, "  {agent}: {part}").unwrap();
            }
            out
        }
    }
}

fn held(word: &HoldWord) -> String {
    let mut out = String::new();
    for part in &word.parts {
        write!(out, "{} of {}", part.held, part.agent).unwrap();
        if !part.missing.is_zero() {
            write!(out, ", where {} is missing", part.missing).unwrap();
        }
        out.push_str("; ");
    }
    match word.expires {
        Some(at) => writeln!(out, "misses {} until {}", word.missing, at.0).unwrap(),
        None => out.push_str("complete\n"),
    }
    out
}

fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Paused => "it is paused".into(),
        Standing::Done => "nothing is wanted any more".into(),
        Standing::Blocked(block) => format!("blocked, {block}"),
        Standing::NoRoom => "what is free does not hold a unit".into(),
        Standing::Refused => "its framework refused what there is".into(),
        Standing::TurnLost => "its last turn was lost".into(),
        Standing::After { framework, role } => format!("{framework} in role {role} goes first"),
        Standing::Next => "it is next".into(),
    }
}

/// `TASK MEMBER AGENT cpu=1 ...`
fn placement(one: &str) -> Placement {
    let (task, rest) = one.trim().split_once(' ').unwrap();
    let (member, rest) = rest.split_once(' ').unwrap();
    let (agent, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    Placement {
        task: task.into(),
        member: member.parse().unwrap(),
        agent: agent.into(),
        resources: resources(&Words::of(rest)).unwrap(),
        devices: grants(&Words::of(rest)).unwrap(),
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

fn path(text: &str) -> RolePath {
    if text == "/" { RolePath::root() } else { text.into() }
}

fn name_three<'a>(first: &'a str, more: &'a str) -> Option<[&'a str; 3]> {
    let mut words = more.split_whitespace();
    Some([first, words.next()?, words.next()?])
}

fn agent(name: &str, words: &Words<'_>) -> Option<Agent> {
    let domain = words.get("at").and_then(|text| text.split_once('/'));
    let attributes = words.0.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix("a.")?;
        Some((key.into(), (*value).into()))
    });
    Some(Agent {
        id: name.into(),
        capacity: resources(words)?,
        domain: domain.map(|(region, zone)| FaultDomain { region: region.into(), zone: zone.into() }),
        attributes: attributes.collect(),
        state: match words.get("state") {
            Some("draining") => AgentState::Draining,
            Some("unreachable") => AgentState::Unreachable,
            Some(_) | None => AgentState::Active,
        },
        gpu_room: if words.get("gpu-room") == Some("shared") { GpuRoom::Shared } else { GpuRoom::Kept },
    })
}
