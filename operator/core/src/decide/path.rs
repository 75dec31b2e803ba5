//! The path of the role that a service is in.

use crate::frameworks::Problem;
use crate::object::Key;
use crate::observe::role;
use crate::observe::world::World;
use twofold_allocator::id::RolePath;
use twofold_crds::allocation_role::DEFAULT_ROLE;

/// The role that a service and its pods are charged to: the one that it names, by its path in the tree. Where that cannot
/// be used, what runs is charged to its bare name; what is no name of a role at all, to the root.
#[must_use]
pub(super) fn of(world: &World, key: &Key) -> RolePath {
    let Some(resource) = world.resources.get(key) else { return RolePath::root() };
    let name = resource.framework().role();
    let bare = || if name.contains('/') { RolePath::root() } else { RolePath::from(name) };
    resolve(name, &key.namespace, world).unwrap_or_else(|_| bare())
}

/// The path of the role that a resource names. Who names none is in the role `default`, which need not be declared.
pub(super) fn resolve(name: &str, namespace: &str, world: &World) -> Result<RolePath, Problem> {
    let problem = |reason, message| Problem { reason, field: "role".to_owned(), message };
    let Some(resource) = world.roles.get(name) else {
        if name == DEFAULT_ROLE {
            return Ok(RolePath::from(DEFAULT_ROLE));
        }
        return Err(problem(
            "RoleNotFound",
            format!("role {name:?} does not exist; create the AllocationRole or name another"),
        ));
    };
    if !role::permits(resource, namespace) {
        return Err(problem(
            "RoleNotPermitted",
            format!(
                "role {name:?} does not list namespace {namespace:?} in spec.namespaces; ask its administrator, \
                 or name another role"
            ),
        ));
    }
    role::role(resource, &world.roles).map(|role| role.path).map_err(|problems| {
        let first = problems.into_iter().next();
        let (reason, text) = first.map_or(("RoleInvalid", String::new()), |p| (p.reason, p.message));
        problem(reason, format!("role {name:?} cannot be used: {text}"))
    })
}
