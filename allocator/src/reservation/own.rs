//! What a want has of the reservations that its members come back to.

use crate::ask::{Constraint, Member};
use crate::books::reservation::{OwnerNo, ReservationBook};
use crate::books::want::{Unit, Want};
use crate::books::{AgentNo, Books, RoleNo, WantNo};
use crate::counts::Counts;
use crate::headroom::Block;
use crate::resources::{Kind, Resources};
use crate::view::Stage;
use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

impl Want {
    /// Whether some member names a reservation, whether it is there or not.
    pub(crate) fn names_reservation(&self) -> bool {
        self.members().iter().any(|member| member.reservation.is_some())
    }
}

impl Books {
    /// The reservation that a member comes back to, if it is kept for its framework.
    pub(crate) fn comes_back(&self, no: WantNo, member: &Member) -> Option<&ReservationBook> {
        let book = self.reservations.get(member.reservation.as_ref()?)?;
        self.may_use(book.owner, no.framework).then_some(book)
    }

    /// What of a reservation is idle and there for tasks, which its volume's room is not: where more is in use on its agent than that has, by a change from outside,
    /// the excess is left out, as nothing more is given there.
    pub(crate) fn usable<'a>(&'a self, book: &'a ReservationBook) -> Cow<'a, Resources> {
        let agent = self.agents.at(book.agent);
        let mut usable = Cow::Borrowed(&book.idle);
        let volume = book.reservation.volume_room();
        if !volume.is_zero() {
            usable.to_mut().take_up_to(&volume);
        }
        if let Some(known) = agent.agent.as_ref().filter(|_| agent.over) {
            let mut others = agent.used();
            others.take_up_to(&usable);
            let mut room = known.capacity.clone();
            room.take_up_to(&others);
            usable = Cow::Owned(usable.at_most(&room));
        }
        usable
    }

    /// The reservations that the members still wanted of a want come back to, each once, with the first that does.
    pub(crate) fn comes_back_to(&self, no: WantNo) -> impl Iterator<Item = (&Member, &ReservationBook)> {
        let mut seen = BTreeSet::new();
        let want = self.want(no).filter(|want| !self.reservations.is_empty() && want.names_reservation());
        let wanted = want.into_iter().flat_map(Want::wanted);
        let known = wanted.filter_map(move |member| Some((member, self.comes_back(no, member)?)));
        known.filter(move |(_, book)| seen.insert(&book.reservation.id))
    }

    /// Where the volume of the reservation that a member comes back to can be used from.
    pub(crate) fn volume_reach(&self, no: WantNo, member: &Member) -> Option<Constraint> {
        let volume = self.comes_back(no, member)?.reservation.volume.as_ref()?;
        Some(Constraint::InReach(volume.id.clone(), volume.reach.clone()))
    }

    /// The stage that hides every agent from a member that comes back to a volume: another task uses it, and it is not
    /// shared.
    pub(crate) fn volume_in_use(&self, no: WantNo, member: Option<&Member>) -> Option<Stage> {
        let book = self.comes_back(no, member?)?;
        let volume = book.reservation.volume.as_ref().filter(|volume| !volume.shared)?;
        (self.volume_users(book) > 0).then(|| Stage::VolumeInUse(volume.id.clone()))
    }

    /// What of an agent is reserved for a member and idle; without a member, for all members of the want together.
    pub(crate) fn reserved_for(
        &self,
        no: WantNo,
        member: Option<&Member>,
        agent: AgentNo,
    ) -> Cow<'_, Resources> {
        let mut reserved = Cow::Owned(Resources::default());
        match member {
            Some(member) => {
                let book = self.comes_back(no, member).filter(|book| book.agent == agent);
                if let Some(book) = book {
                    reserved = self.usable(book);
                }
            }
            None => {
                let here = self.comes_back_to(no).filter(|(_, book)| book.agent == agent);
                here.for_each(|(_, book)| reserved.to_mut().add(&self.usable(book)));
            }
        }
        reserved
    }

    /// What of an agent is free, held or reserved for a member.
    pub(crate) fn room_of(&self, no: WantNo, member: Option<&Member>, agent: AgentNo) -> Cow<'_, Resources> {
        self.with_reserved(no, member, agent, self.room_for(no, agent))
    }

    /// What a member sees of an agent: what is free for its want, and all that is reserved for it.
    pub(crate) fn free_of(
        &self,
        no: WantNo,
        member: Option<&Member>,
        agent: AgentNo,
        keeps: bool,
    ) -> Cow<'_, Resources> {
        self.with_devices(member, agent, self.counted_of(no, member, agent, keeps))
    }

    /// The same by its counts, whether there are devices for it or not.
    pub(crate) fn counted_of(
        &self,
        no: WantNo,
        member: Option<&Member>,
        agent: AgentNo,
        keeps: bool,
    ) -> Cow<'_, Resources> {
        self.with_reserved(no, member, agent, self.free_for(no, agent, keeps))
    }

    fn with_reserved<'a>(
        &'a self,
        no: WantNo,
        member: Option<&Member>,
        agent: AgentNo,
        mut room: Cow<'a, Resources>,
    ) -> Cow<'a, Resources> {
        if !self.agents.at(agent).reserved.is_zero() {
            let own = self.reserved_for(no, member, agent);
            if !own.is_zero() {
                room.to_mut().add(&own);
            }
        }
        room
    }

    /// What of the members of a want their reservations hold, where they may be placed, with the role that is charged for
    /// it: charged already, and not free.
    fn own_reserved(&self, no: WantNo) -> impl Iterator<Item = (RoleNo, Resources)> {
        let open = self.comes_back_to(no).filter(move |(member, book)| {
            self.hidden(no, Some(member), self.agents.at(book.agent)).is_none()
        });
        open.map(move |(member, book)| {
            let (idle, request) = (self.usable(book), member.shape.gpu.as_ref());
            let model = request.and_then(|request| Some((request.choose(&idle.gpus)?, request.count)));
            let gpus = model.map(|(model, count)| Counts::of(model.clone(), count)).unwrap_or_default();
            let one = Resources { gpus, ..member.shape.base.clone() };
            (self.charged_with(book), one.scaled(u64::from(member.count)).at_most(&idle))
        })
    }

    /// The role that is charged for what is idle of a reservation.
    pub(crate) fn charged_with(&self, book: &ReservationBook) -> RoleNo {
        match book.owner {
            OwnerNo::Role(role) => role,
            OwnerNo::Framework(framework) => self.charged_role(framework),
        }
    }

    /// What is charged for a want already, each amount to its role and those above: its hold and its reservations.
    fn own_charges(&self, no: WantNo) -> Vec<(RoleNo, Resources)> {
        let held = self.hold(no).map(|hold| (self.charged_role(no.framework), hold.sum.clone()));
        held.into_iter().chain(self.own_reserved(no)).collect()
    }

    /// All that is charged for a want already.
    pub(crate) fn charged_for(&self, no: WantNo) -> Option<Cow<'_, Resources>> {
        let mut sum = self.hold(no).map(|hold| Cow::Borrowed(&hold.sum));
        for (_, own) in self.own_reserved(no) {
            sum.get_or_insert_with(|| Cow::Owned(Resources::default())).to_mut().add(&own);
        }
        sum
    }

    /// Why `taken` may not be charged to the role of a want.
    pub(crate) fn block_for(&self, no: WantNo, role: RoleNo, taken: impl Fn(&Kind) -> u64) -> Option<Block> {
        if self.takes_revocable(no) {
            return None;
        }
        self.block_beyond(role, self.lends(no), &self.own_charges(no), taken)
    }

    /// How many units of a want, up to `most`, may be charged to its role.
    pub(crate) fn units_for(&self, no: WantNo, role: RoleNo, unit: &Unit, most: u32) -> u32 {
        if self.takes_revocable(no) {
            return most;
        }
        if !self.want(no).is_some_and(Want::names_reservation) {
            let held = self.hold(no).map(|hold| &hold.sum);
            let own = |kind: &Kind| held.map_or(0, |held| held.amount(kind));
            return self.units_within(role, |kind| unit.amount(kind), own, most, self.lends(no));
        }
        let own = self.own_charges(no);
        let times = |units: u32| move |kind: &Kind| unit.amount(kind).saturating_mul(u64::from(units));
        let lends = self.lends(no);
        let fit = |units: u32| self.block_beyond(role, lends, &own, times(units)).is_none();
        let (mut fits, mut beyond) = (0, most);
        while fits < beyond {
            let middle = fits + (beyond - fits).div_ceil(2);
            if fit(middle) { fits = middle } else { beyond = middle - 1 }
        }
        fits
    }

    /// The agents on which something is held or reserved for a want: the index of what is free does not know of it.
    pub(crate) fn own_agents(&self, no: WantNo) -> BTreeSet<AgentNo> {
        let held = self.hold(no).into_iter().flat_map(|hold| &hold.parts).map(|part| part.agent);
        held.chain(self.comes_back_to(no).map(|(_, book)| book.agent)).collect()
    }
}
