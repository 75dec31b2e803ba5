//! Jobs that cannot be carried out: which field, what is wrong, what to do.

use crate::scene::Scene;

fn problems(manifest: &str) -> Vec<String> {
    let problems = Scene::new(manifest).translate().err().unwrap_or_default();
    problems.into_iter().map(|one| format!("{} {}: {}", one.reason, one.field, one.message)).collect()
}

/// A job with one worker whose pod has these fields beside a container that trains.
fn with_pod(fields: &str) -> Vec<String> {
    problems(&format!(
        "spec: {{tfReplicaSpecs: {{Worker: {{template: {{spec: {{containers: [{{name: tensorflow, image: a}}], {fields}}}}}}}}}}}"
    ))
}

/// A job with one worker of these containers.
fn with_containers(containers: &str) -> Vec<String> {
    problems(&format!(
        "spec: {{tfReplicaSpecs: {{Worker: {{template: {{spec: {{containers: {containers}}}}}}}}}}}"
    ))
}

const CONTAINERS: &str = "spec.tfReplicaSpecs[Worker].template.spec.containers";

#[test]
fn what_upstream_refuses_is_refused_in_its_words() {
    assert_eq!(problems("spec: {tfReplicaSpecs: {}}"), ["Required spec.tfReplicaSpecs: must be required"]);
    let no_trainer = format!("Required {CONTAINERS}: must have at least one container with name tensorflow");
    assert_eq!(
        with_containers("[]"),
        [format!("Required {CONTAINERS}: must be specified"), no_trainer.clone()]
    );
    assert_eq!(with_containers("[{name: tensor, image: a}]"), [no_trainer]);
    assert_eq!(
        with_containers("[{name: tensorflow, image: a}, {name: b}, {name: c, image: ''}]"),
        [
            format!("Required {CONTAINERS}[1].image: must be required"),
            format!("Required {CONTAINERS}[2].image: must be required"),
        ]
    );
    let trainer = "{template: {spec: {containers: [{name: tensorflow, image: a}]}}}";
    assert_eq!(
        problems(&format!("spec: {{tfReplicaSpecs: {{Chief: {trainer}, Master: {trainer}}}}}")),
        ["Forbidden spec.tfReplicaSpecs: must not have more than 1 Chief or Master role"]
    );
    for name in ["1a", "a.b", "A", "a-", ""] {
        let name = format!("metadata: {{name: '{name}'}}\nspec: {{tfReplicaSpecs: {{Worker: {trainer}}}}}");
        assert_eq!(
            problems(&name),
            [
                "Invalid metadata.name: must be a DNS-1035 label: lower-case letters, digits and '-', starting with a \
                 letter, at most 63"
            ]
        );
    }
}

#[test]
fn a_name_too_long_for_its_services_is_refused_before_anything_is_made() {
    let name = |length: usize| {
        let trainer = "{replicas: 11, template: {spec: {containers: [{name: tensorflow, image: a}]}}}";
        let name = "a".repeat(length);
        problems(&format!("metadata: {{name: {name}}}\nspec: {{tfReplicaSpecs: {{Worker: {trainer}}}}}"))
    };
    assert_eq!(name(53), Vec::<String>::new());
    let longest = format!("{}-worker-10", "a".repeat(55));
    assert_eq!(
        name(55),
        [format!(
            "NameTooLong metadata.name: too long for the service {longest:?}, which may have at most 63 characters; \
             make the job's name 2 shorter"
        )]
    );
}

#[test]
fn a_template_that_goes_past_the_books_is_refused() {
    let path = "spec.tfReplicaSpecs[Worker].template.spec";
    assert_eq!(with_pod("schedulerName: default-scheduler"), Vec::<String>::new());
    assert_eq!(
        with_pod("schedulerName: volcano"),
        [format!(
            "ForeignScheduler {path}.schedulerName: \"volcano\" would place the pods past Twofold's books; remove the field"
        )]
    );
    assert_eq!(
        with_pod("nodeName: agent-1"),
        [format!(
            "NodeNameSet {path}.nodeName: \"agent-1\" would bind the pods past Twofold's books; remove the field and \
             use nodeSelector or nodeAffinity"
        )]
    );
}

#[test]
fn a_field_that_no_pod_has_is_named_by_its_path() {
    let unknown = |path: &str| {
        format!(
            "UnknownField spec.tfReplicaSpecs[Worker].template.spec.{path}: this is no field of a pod as Twofold knows \
             it; check its spelling and where it stands"
        )
    };
    assert_eq!(with_pod("restartpolicy: Never"), [unknown("restartpolicy")]);
    assert_eq!(
        with_containers(
            "[{name: tensorflow, image: a, resources: {limit: {cpu: 1}}, env: [{name: A, vlaue: b}]}]"
        ),
        [unknown("containers[0].env[0].vlaue"), unknown("containers[0].resources.limit")]
    );
    assert_eq!(
        with_pod("volumes: [{name: a, emptyDir: {}}, {name: b, hostPth: {path: /}}]"),
        [unknown("volumes[1].hostPth")]
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_named_by_its_path() {
    assert_eq!(
        with_pod("hostNetwork: 'yes'"),
        [
            "InvalidTemplate spec.tfReplicaSpecs[Worker].template.spec.hostNetwork: invalid type: string \"yes\", expected \
          a boolean; write a value of the right kind"
        ]
    );
}

#[test]
fn a_quantity_that_cannot_be_read_is_named_by_its_path() {
    let found = with_containers("[{name: tensorflow, image: a, resources: {limits: {memory: 4GB}}}]");
    assert_eq!(found.len(), 1);
    let start = format!("InvalidQuantity {CONTAINERS}[0].resources.limits[memory]: \"4GB\" is no quantity");
    assert!(found[0].starts_with(&start), "{found:?}");
}

#[test]
fn words_that_mean_nothing_are_refused_with_those_that_do() {
    let trainer = "template: {spec: {containers: [{name: tensorflow, image: a}]}}";
    let spec = |replicas: &str| problems(&format!("spec: {{tfReplicaSpecs: {{{replicas}}}}}"));
    assert_eq!(
        spec(&format!("Boss: {{{trainer}}}")),
        [
            "NotSupported spec.tfReplicaSpecs[Boss]: \"Boss\" is no replica type; use Chief, Master, Worker, PS or Evaluator"
        ]
    );
    assert_eq!(
        spec(&format!("Worker: {{restartPolicy: Sometimes, {trainer}}}")),
        [
            "NotSupported spec.tfReplicaSpecs[Worker].restartPolicy: \"Sometimes\" is no restart policy; use Never, \
          OnFailure, Always or ExitCode"
        ]
    );
    assert_eq!(
        spec(&format!("Worker: {{replicas: -1, {trainer}}}")),
        ["Invalid spec.tfReplicaSpecs[Worker].replicas: -1 is negative; write 0 or more"]
    );
    assert_eq!(
        spec(&format!("Worker: {{{trainer}}}, worker: {{{trainer}}}")),
        [
            "Duplicate spec.tfReplicaSpecs: [\"Worker\", \"worker\"] are the same replica type; keep one of them"
        ]
    );
    assert_eq!(
        problems(&format!(
            "metadata: {{annotations: {{twofold.dev/priority: high}}}}\nspec: {{tfReplicaSpecs: {{Worker: {{{trainer}}}}}}}"
        )),
        [
            "Invalid metadata.annotations[twofold.dev/priority]: \"high\" is no integer between -2147483648 and 2147483647; \
          write one"
        ]
    );
    assert_eq!(
        problems(&format!(
            "metadata: {{annotations: {{twofold.dev/placement: Spread}}}}\nspec: {{tfReplicaSpecs: {{Worker: {{{trainer}}}}}}}"
        )),
        [
            "Invalid metadata.annotations[twofold.dev/placement]: \"Spread\" is no policy; write \"BestFit\" or \
          \"FragmentationGradient\""
        ]
    );
    assert_eq!(
        problems(&format!(
            "metadata: {{annotations: {{twofold.dev/reclaimable: 'yes'}}}}\nspec: {{tfReplicaSpecs: {{Worker: {{{trainer}}}}}}}"
        )),
        [
            "Invalid metadata.annotations[twofold.dev/reclaimable]: \"yes\" says neither yes nor no; write \"true\" or \
          \"false\""
        ]
    );
    assert_eq!(
        with_pod("tolerations: [{key: a, effect: Never}]"),
        [
            "InvalidPlacement spec.tfReplicaSpecs[Worker].template.spec.tolerations[0].effect: \"Never\" is no effect; use \
          NoSchedule, PreferNoSchedule or NoExecute"
        ]
    );
}

#[test]
fn common_manifests_lose_nothing() {
    assert_eq!(
        with_pod(
            "hostnameOverride: a, volumes: [{name: a, emptyDir: {}}, {name: b, configMap: {name: c, items: []}}], \
             securityContext: {}, imagePullSecrets: [{name: s}], terminationGracePeriodSeconds: 0, overhead: null"
        ),
        Vec::<String>::new()
    );
    assert_eq!(
        with_containers(
            "[{name: tensorflow, image: a, command: [python], resources: {limits: {nvidia.com/gpu: 1, cpu: 0.5}}, \
             livenessProbe: {httpGet: {port: http, path: /}}, ports: [{containerPort: 1}], \
             env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}]"
        ),
        Vec::<String>::new()
    );
}

#[test]
fn more_replicas_than_any_cluster_has_room_for_are_refused_by_their_field() {
    let trainer = "template: {spec: {containers: [{name: tensorflow, image: a}]}}";
    assert_eq!(
        problems(&format!("spec: {{tfReplicaSpecs: {{Worker: {{replicas: 2000000000, {trainer}}}}}}}")),
        [
            "Invalid spec.tfReplicaSpecs[Worker].replicas: 2000000000 is above 10000; write fewer, or make several jobs of it"
        ]
    );
}
