//! Playing a history of commands.

use crate::world::World;

/// Runs commands in a new world; what came out, and the world after.
pub(crate) fn replay(commands: &[String]) -> (String, World) {
    let mut world = World::new();
    let mut out = String::new();
    for command in commands {
        out.push_str(&format!("> {command}\n"));
        out.push_str(&world.run(command));
    }
    (out, world)
}
