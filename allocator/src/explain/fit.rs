//! How far a unit comes on what is free, and whether it could be placed on an empty cluster.

use super::{Fit, Miss, Verdict};
use crate::ask::{Member, Shape};
use crate::books::want::{Terms, is_gang};
use crate::books::{AgentNo, Books, WantNo};
use crate::resources::{Amounts, Kind, Resources};
use crate::view::Stage;
use crate::wide::Fraction;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Where the members of a unit may go, and how many of each there are.
type Places<'a> = Vec<(usize, &'a Member, u32, Vec<AgentNo>)>;

impl Books {
    /// Places one unit on what is free now, whatever was refused.
    pub(super) fn fit(&self, no: WantNo) -> Fit {
        let keeps = self.keeps_gpu_room(no);
        let places = self.places(no, |stage| matches!(stage, Stage::Refused));
        // Devices are looked at for members that are all alike.
        let alike = places.first().map(|(_, member, ..)| *member).filter(|_| places.len() == 1);
        self.pack(&places, |agent| {
            let free = self.free_of(no, None, agent, keeps);
            self.with_devices(alike, agent, free).into_owned()
        })
    }

    /// Whether one unit could be placed if nothing ran. Where what fits first does not do it, counts may still prove
    /// that nothing does: an agent holds only so many of a member, and the members of a unit only so much in all.
    pub(super) fn fits_when_empty(&self, no: WantNo) -> Verdict {
        let places = self.places(no, |stage| {
            let load = matches!(stage, Stage::Refused | Stage::Avoided | Stage::VolumeInUse(_));
            load || matches!(stage, Stage::Draining | Stage::Unreachable)
        });
        let capacity = |agent: AgentNo| {
            self.agents.at(agent).agent.as_ref().map(|agent| agent.capacity.clone()).unwrap_or_default()
        };
        if self.pack(&places, capacity).miss.is_none() {
            return Verdict::Yes;
        }
        let too_few = places.iter().any(|(_, member, count, agents)| {
            let most = agents.iter().fold(0u64, |sum, agent| {
                sum.saturating_add(times(&member.shape, &capacity(*agent), u64::from(*count)))
            });
            most < u64::from(*count)
        });
        if too_few || self.sums_exceed(&places, capacity) { Verdict::No } else { Verdict::Unknown }
    }

    /// Whether the unit takes more of some kind in all than all agents have that any member may be placed on.
    fn sums_exceed(&self, places: &Places<'_>, capacity: impl Fn(AgentNo) -> Resources) -> bool {
        let agents: alloc::collections::BTreeSet<AgentNo> =
            places.iter().flat_map(|(.., agents)| agents).copied().collect();
        let mut whole = Resources::default();
        agents.iter().for_each(|agent| whole.add(&capacity(*agent)));
        let mut sum = Resources::default();
        let mut gpus = 0u64;
        for (_, member, count, _) in places {
            sum.add(&member.shape.base.scaled(u64::from(*count)));
            let each = member.shape.gpu.as_ref().map_or(0, |gpu| gpu.count);
            gpus = gpus.saturating_add(each.saturating_mul(u64::from(*count)));
        }
        !whole.contains(&sum) || gpus > whole.amount(&Kind::Gpu)
    }

    fn places(&self, no: WantNo, pass: impl Fn(&Stage) -> bool) -> Places<'_> {
        let Some(Terms::Ask(ask)) = self.want(no).map(|want| &want.terms) else { return Vec::new() };
        let gang = is_gang(ask);
        let first = ask.members.iter().position(|member| member.count > 0);
        let counts =
            ask.members.iter().enumerate().map(|(at, member)| {
                (at, member, if gang { member.least } else { u32::from(Some(at) == first) })
            });
        let mut places: Places<'_> = counts
            .filter(|(_, _, count)| *count > 0)
            .map(|(at, member, count)| {
                let known = self.known_agents().map(|(agent, _)| agent);
                let sees = |agent: &AgentNo| self.barred_but(no, member, *agent, &pass).is_none();
                (at, member, count, known.filter(sees).collect())
            })
            .collect();
        // Large members first, and those that few agents may take: they are the ones that are left over otherwise.
        places.sort_by_key(|(at, member, _, agents)| {
            let gpus = member.shape.gpu.as_ref().map_or(0, |gpu| gpu.count);
            let Resources { cpu_milli, memory_bytes, .. } = &member.shape.base;
            (core::cmp::Reverse((gpus, *memory_bytes, *cpu_milli)), agents.len(), *at)
        });
        places
    }

    fn pack(&self, places: &Places<'_>, free: impl Fn(AgentNo) -> Resources) -> Fit {
        let mut left: BTreeMap<AgentNo, Resources> = BTreeMap::new();
        let wanted = places.iter().fold(0u32, |sum, (_, _, count, _)| sum.saturating_add(*count));
        let mut fit = Fit { placed: 0, wanted, miss: None };
        for (at, member, count, agents) in places {
            let mut missing = *count;
            for agent in agents {
                if missing == 0 {
                    break;
                }
                let room = left.entry(*agent).or_insert_with(|| free(*agent));
                while let Ok(taken) = member.shape.on(room) {
                    // All at once that find the same as this one: there may be thousands of millions.
                    let times = taken.times_in(room, u64::from(missing));
                    if times == 0 || room.take(&taken.scaled(times)).is_err() {
                        break;
                    }
                    missing = missing.saturating_sub(u32::try_from(times).unwrap_or(u32::MAX));
                    if missing == 0 {
                        break;
                    }
                }
            }
            fit.placed = fit.placed.saturating_add(count - missing);
            if missing > 0 && fit.miss.is_none() {
                let room = |agent: &AgentNo| left.get(agent).cloned().unwrap_or_default();
                let near =
                    agents.iter().filter_map(|agent| Some((*agent, member.shape.on(&room(agent)).err()?)));
                let nearest = near.min_by_key(|(agent, missing)| {
                    (worst(&member.shape, missing), self.agents.at(*agent).id.clone())
                });
                let nearest = nearest.map(|(agent, missing)| (self.agents.at(agent).id.clone(), missing));
                fit.miss = Some(Miss { member: *at, nearest });
            }
        }
        fit
    }
}

/// The largest part of what is asked for that is missing.
fn worst(shape: &Shape, missing: &Amounts) -> Fraction {
    let asked = |kind: &Kind| match kind {
        Kind::Gpu | Kind::GpuModel(_) => shape.gpu.as_ref().map_or(0, |gpu| gpu.count),
        Kind::Cpu | Kind::Memory | Kind::Disk | Kind::Pods => shape.base.amount(kind),
        Kind::Other(_) | Kind::Ports | Kind::PortRange(..) => shape.base.amount(kind),
    };
    let parts =
        missing.iter().map(|(kind, short)| Fraction::new(u128::from(*short), u128::from(asked(kind))));
    parts.max().unwrap_or(Fraction::ZERO)
}

/// How many of a shape fit in `free`, up to `most`.
fn times(shape: &Shape, free: &Resources, most: u64) -> u64 {
    let mut times = most;
    for (kind, amount) in shape.base.amounts() {
        times = times.min(free.amount(&kind).checked_div(amount).unwrap_or(times));
    }
    if let Some(gpu) = &shape.gpu {
        let models =
            free.gpus.iter().filter(|(model, _)| gpu.model.as_ref().is_none_or(|wanted| wanted == *model));
        times = times.min(models.fold(0u64, |sum, (_, count)| sum.saturating_add(count / gpu.count.max(1))));
    }
    times
}
