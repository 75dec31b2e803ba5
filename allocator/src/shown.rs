//! What an offer shows.

use crate::agent::Agent;
use crate::allocator::Allocator;
use crate::ask::Member;
use crate::books::{AgentNo, Books, WantNo};
use crate::device::AgentDevices;
use crate::id::AgentId;
use crate::offer::{Offer, Terms};
use crate::resources::Resources;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The agents of an offer with what is free on each.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    books: &'a Books,
    want: Option<WantNo>,
    /// Whether the room that free GPUs need is left out.
    keeps: bool,
    parts: Vec<(AgentNo, &'a Resources)>,
}

/// The agents that one member of an ask may be placed on.
#[derive(Clone, Copy, Debug)]
pub struct MemberView<'a> {
    books: &'a Books,
    want: WantNo,
    member: &'a Member,
    keeps: bool,
}

impl Allocator {
    /// What a live offer shows; nothing when it is not live.
    #[must_use]
    pub fn shown<'a>(&'a self, offer: &Offer) -> Shown<'a> {
        let live = self.live_offer(offer.id);
        let parts = match live.map(|live| &live.offer.terms) {
            Some(Terms::Parts { parts, .. }) => {
                let no = |id| self.books.agent_names.get(id).copied();
                parts.iter().filter_map(|(id, part)| Some((no(id)?, part))).collect()
            }
            Some(Terms::Units { .. }) | None => Vec::new(),
        };
        let want = live.map(|live| live.want);
        let keeps = want.is_some_and(|want| self.books.keeps_gpu_room(want));
        Shown { books: &self.books, want, keeps, parts }
    }
}

impl<'a> Shown<'a> {
    /// The devices of an agent and who has them; none where its GPUs are counted. What is free by the counts may be less,
    /// as room that is held, reserved or offered to others is no device yet.
    #[must_use]
    pub fn devices(&self, agent: &AgentId) -> Option<&'a AgentDevices> {
        self.books.agents.at(*self.books.agent_names.get(agent)?).devices()
    }

    /// The agents that some member may be placed on, by name, with what may be taken of each. For open demand, the
    /// parts of the offer.
    pub fn agents(&self) -> impl Iterator<Item = (&'a Agent, Cow<'a, Resources>)> {
        let parts = self
            .parts
            .iter()
            .filter_map(|(no, part)| Some((self.books.agents.at(*no).agent.as_ref()?, Cow::Borrowed(*part))));
        let (books, keeps) = (self.books, self.keeps);
        let seen = self.want.filter(|_| self.parts.is_empty()).into_iter().flat_map(move |want| {
            let known = books.known_agents().filter(move |(no, _)| books.sees(want, *no));
            known.filter_map(move |(no, book)| {
                Some((book.agent.as_ref()?, books.free_of(want, None, no, keeps)))
            })
        });
        let parts: Vec<_> = parts.collect();
        parts.into_iter().chain(seen)
    }

    /// The view of one member, by its position in the ask; none when the ask has no such member that is still wanted.
    #[must_use]
    pub fn member(&self, at: usize) -> Option<MemberView<'a>> {
        let want = self.want?;
        let member = self.books.want(want)?.members().get(at).filter(|member| member.count > 0)?;
        Some(MemberView { books: self.books, want, member, keeps: self.keeps })
    }
}

impl<'a> MemberView<'a> {
    /// The member as it is still wanted.
    #[must_use]
    pub fn wanted(&self) -> &'a Member {
        self.member
    }

    /// The agents that it may be placed on, with what is free on each for it, enough or not: the one that it comes back
    /// to, then by name, but an ask without GPUs sees the agents with GPUs last.
    pub fn agents(&self) -> impl Iterator<Item = (&'a Agent, Cow<'a, Resources>)> {
        let Self { books, want, member, keeps } = *self;
        let back = self.back();
        let others = books.agents_for(want).filter(move |no| Some(*no) != back);
        let seen =
            back.into_iter().chain(others).filter(move |no| books.barred(want, Some(member), *no).is_none());
        seen.filter_map(move |no| {
            Some((books.agents.at(no).agent.as_ref()?, books.free_of(want, Some(member), no, keeps)))
        })
    }

    /// The agent of the reservation that it comes back to.
    fn back(&self) -> Option<AgentNo> {
        self.books.comes_back(self.want, self.member).map(|book| book.agent)
    }

    /// Of these, the one that it comes back to and then by name alone, the agents on which one of it fits: found by an
    /// index, so that who takes what fits first does not look at the whole cluster.
    pub fn fitting(&self) -> impl Iterator<Item = (&'a Agent, Cow<'a, Resources>)> {
        let Self { books, want, member, keeps } = *self;
        let fits = move |no| {
            if !member.shape.fits(&books.room_of(want, Some(member), no))
                || books.barred(want, Some(member), no).is_some()
            {
                return None;
            }
            let free = books.free_of(want, Some(member), no, keeps);
            member.shape.fits(&free).then_some((books.agents.at(no).agent.as_ref()?, free))
        };
        // The index knows what is free, not what is held for the want itself.
        let holds = books.hold(want).is_some();
        let indexed = (!holds).then(|| books.candidates(member.shape.room())).into_iter().flatten();
        let all = holds.then(|| books.known_agents().map(|(no, _)| no)).into_iter().flatten();
        let back = self.back();
        let others = indexed.chain(all).filter(move |no| Some(*no) != back);
        back.into_iter().chain(others).filter_map(fits)
    }

    /// What is free for it on one agent; none when it may not be placed there.
    #[must_use]
    pub fn free(&self, agent: &AgentId) -> Option<Cow<'a, Resources>> {
        let no = *self.books.agent_names.get(agent)?;
        let seen = self.books.barred(self.want, Some(self.member), no).is_none();
        seen.then(|| self.books.free_of(self.want, Some(self.member), no, self.keeps))
    }
}
