//! Random commands of small worlds: few names, so that they meet, and small amounts, so that they run out.

pub(crate) const AGENTS: [&str; 5] = ["a0", "a1", "a2", "a3", "a4"];
pub(crate) const FRAMEWORKS: [&str; 5] = ["f0", "f1", "f2", "f3", "f4"];
pub(crate) const ROLES: [&str; 7] = ["a", "a/b", "a/c", "d", "d/e", "d/e/f", "/"];
const TASKS: [&str; 6] = ["t0", "t1", "t2", "t3", "t4", "t5"];

/// Draws numbers from bytes; zeros when they are used up.
pub(crate) struct Draw<'a>(std::slice::Iter<'a, u8>);

impl<'a> From<&'a [u8]> for Draw<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }
}

impl Draw<'_> {
    pub(crate) fn below(&mut self, most: u8) -> u8 {
        self.0.next().copied().unwrap_or_default() % most
    }

    pub(crate) fn one<'b>(&mut self, of: &[&'b str]) -> &'b str {
        of[usize::from(self.below(u8::try_from(of.len()).unwrap()))]
    }
}

/// How many bytes make a command.
pub(crate) const BYTES: usize = 16;

/// A command that tells a change.
pub(crate) fn change(bytes: &[u8]) -> String {
    let draw = &mut Draw::from(bytes);
    match draw.below(16) {
        0..=2 => agent(draw),
        3 => format!("agent-gone {}", draw.one(&AGENTS)),
        4 | 5 => role(draw),
        6 => format!("role-gone {}", draw.one(&ROLES)),
        7 | 8 => format!(
            "framework {} role={} priority={} since={}",
            draw.one(&FRAMEWORKS),
            roles(draw),
            draw.below(3),
            draw.below(3)
        ),
        9 => {
            let verb = draw.one(&["framework-gone", "none", "none", "none", "pause", "resume", "resume"]);
            let role = if verb == "none" { in_role(draw) } else { String::new() };
            format!("{verb} {}{role}", draw.one(&FRAMEWORKS))
        }
        10 | 11 => format!("asks {}{} {}", draw.one(&FRAMEWORKS), in_role(draw), asks(draw)),
        12 => format!("open {}{} cpu={}", draw.one(&FRAMEWORKS), in_role(draw), draw.below(3)),
        13 => format!(
            "holding {} {} {} role={} cpu={} memory={} gpu=m:{}{}",
            draw.one(&TASKS),
            draw.one(&AGENTS),
            draw.one(&["f0", "f1", "f2", "foreign"]),
            draw.one(&ROLES),
            draw.below(4),
            draw.below(4),
            draw.below(3),
            draw.one(&["", " finishing"])
        ),
        14 => format!("holding-gone {}", draw.one(&["t0", "t1", "t2", "t3", "f0-0", "f1-0", "f2-1", "f3-0"])),
        _ => format!("avoid {} agent={} until={}", draw.one(&FRAMEWORKS), draw.one(&AGENTS), draw.below(9)),
    }
}

/// One to three roles, of which some may be the same.
pub(crate) fn roles(draw: &mut Draw<'_>) -> String {
    let roles: Vec<&str> = (0..=draw.below(3)).map(|_| draw.one(&ROLES)).collect();
    roles.join("|")
}

/// The role that something is told in: mostly the first of the framework's, else any.
pub(crate) fn in_role(draw: &mut Draw<'_>) -> String {
    if draw.below(2) == 0 { String::new() } else { format!(" role={}", draw.one(&ROLES)) }
}

pub(crate) fn agent(draw: &mut Draw<'_>) -> String {
    let mut text = format!(
        "agent {} cpu={} memory={} pods={}",
        draw.one(&AGENTS),
        draw.below(9),
        draw.below(9),
        draw.below(6)
    );
    match draw.below(4) {
        0 => text.push_str(&format!(" gpu=m:{}", 1 + draw.below(4))),
        1 => text.push_str(&format!(" gpu=m:{},n:{}", 1 + draw.below(3), 1 + draw.below(3))),
        _ => {}
    }
    text.push_str(draw.one(&["", "", "", " a.disk=ssd"]));
    text.push_str(draw.one(&["", " at=r/z0", " at=r/z1"]));
    text.push_str(draw.one(&["", "", "", " state=draining", " state=unreachable", " gpu-room=shared"]));
    text
}

pub(crate) fn role(draw: &mut Draw<'_>) -> String {
    let mut text = format!("role {} weight={}", draw.one(&ROLES), 1 + draw.below(3));
    let (less, more) = (draw.below(5), draw.below(4));
    match draw.below(9) {
        0 => text.push_str(&format!(" guarantee=cpu:{less} limit=cpu:{}", less + more)),
        1 => text.push_str(&format!(" limit=cpu:{less}")),
        2 => text.push_str(&format!(" guarantee=memory:{less},gpu:{more}")),
        3 => text.push_str(&format!(" limit=memory:{less}")),
        4 => text.push_str(&format!(" guarantee=gpu:m:{more} limit=gpu:m:{}", less + more)),
        5 => text.push_str(&format!(" limit=gpu:m:{more}")),
        6 => text.push_str(&format!(" guarantee=cpu:{less} limit=memory:{more}")),
        _ => {}
    }
    text.push_str(draw.one(&["", "", " order=drf"]));
    text.push_str(draw.one(&["", "", "", " where=disk:ssd"]));
    text
}

pub(crate) fn asks(draw: &mut Draw<'_>) -> String {
    let mut text = String::new();
    for name in ["x", "y", "z"].into_iter().take(1 + usize::from(draw.below(3))) {
        let count = 1 + draw.below(4);
        let least = if draw.below(2) == 0 { 0 } else { count };
        text.push_str(&format!(
            "{name} priority={}{{{} count={count} least={least}",
            draw.below(2),
            shape(draw)
        ));
        if draw.below(4) == 0 {
            text.push_str(&format!(" ; {} count=1 least={}", shape(draw), u8::from(least > 0)));
        }
        text.push_str("} ");
    }
    text
}

fn shape(draw: &mut Draw<'_>) -> String {
    format!(
        "cpu={} memory={} pods={}{}{}",
        draw.below(3),
        draw.below(3),
        draw.below(2),
        draw.one(&["", "", "", " gpu=1", " gpu=2", " gpu=m:1"]),
        draw.one(&["", "", "", " where=disk:ssd", " zone=z0"])
    )
}

/// A command of any sort.
pub(crate) fn command(bytes: &[u8]) -> String {
    let (kind, rest) = bytes.split_first().unwrap();
    let draw = &mut Draw::from(rest);
    match kind % 16 {
        0 => "cycle".into(),
        1 => "cycle answer=decline".into(),
        2 => format!("cycle take=1 turns={}", 1 + draw.below(4)),
        3 => format!("tick {}", draw.below(12)),
        4 => "begin".into(),
        5 | 6 => "next".into(),
        7 => format!("decline until={}", draw.below(12)),
        8 => {
            let one = |draw: &mut Draw<'_>| {
                format!(
                    "{} {} {} cpu={} memory={} pods={}{}",
                    draw.one(&["u0", "u1", "t0", "f0-0"]),
                    draw.below(3),
                    draw.one(&AGENTS),
                    draw.below(3),
                    draw.below(3),
                    draw.below(2),
                    draw.one(&["", "", " gpu=m:1"])
                )
            };
            format!("accept {} ; {}", one(draw), one(draw))
        }
        9 => format!("explain {} {}{}", draw.one(&FRAMEWORKS), draw.one(&["x", "y", "z"]), in_role(draw)),
        _ => change(rest),
    }
}

/// A policy to begin with.
pub(crate) fn policy(byte: u8) -> String {
    let grain = ["0/1", "1/3", "1/10"][usize::from(byte % 3)];
    let open = if byte & 8 == 0 { "" } else { " open-millis=3" };
    let patience = ["", " patience=3", " patience=none", ""][usize::from(byte / 16 % 4)];
    format!("policy grain={grain}{open}{patience}")
}
