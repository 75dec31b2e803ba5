//! Properties of devices and of scores: what holds whatever is asked for.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use std::collections::BTreeMap;
use twofold_allocator::device::{Device, DeviceAmount, DeviceRequest, Devices, Grant, WHOLE_MILLI};
use twofold_allocator::id::{TaskId, Word};
use twofold_allocator::resources::Resources;
use twofold_allocator::score::{Piece, Room, Scoring, Typical, Workload};

fn any_devices() -> impl Strategy<Value = Devices> {
    let island = prop_oneof![Just(None), (0..3_u8).prop_map(Some)];
    proptest::collection::vec((0..2_u8, island), 0..9).prop_map(|all| {
        let name = |kind: &str, number: u8| Word::from(format!("{kind}{number}"));
        Devices::new(all.into_iter().zip(0..).map(|((model, island), at)| Device {
            id: name("g", at),
            model: name("m", model),
            island: island.map(|island| name("i", island)),
        }))
    })
}

fn any_request() -> impl Strategy<Value = DeviceRequest> {
    let share = prop_oneof![0..1200_u32, Just(250), Just(500), Just(1000)].prop_map(DeviceAmount::Share);
    let amount = prop_oneof![share, (0..5_u32).prop_map(DeviceAmount::Whole)];
    let models = prop_oneof![
        Just(vec![]),
        Just(vec![Word::from("m0")]),
        Just(vec![Word::from("m0"), Word::from("m1")]),
        Just(vec![Word::from("m9")]),
    ];
    (models, amount).prop_map(|(models, amount)| DeviceRequest { models, amount })
}

fn any_piece() -> impl Strategy<Value = Piece> {
    (0..40_000_u64, 0..64_u64, proptest::option::of(any_request()))
        .prop_map(|(cpu, memory, devices)| Piece { base: Resources::new(cpu, memory << 30), devices })
}

fn any_typical() -> impl Strategy<Value = Vec<Typical>> {
    let typical = (any_piece(), any::<u32>()).prop_map(|(piece, weight)| Typical { piece, weight });
    proptest::collection::vec(typical, 0..6)
}

/// Gives what is chosen for each request in turn; ends the task again where told so.
fn used(mut devices: Devices, requests: &[(DeviceRequest, bool)]) -> Devices {
    for (at, (request, ends)) in requests.iter().enumerate() {
        let task = TaskId::from(at.to_string());
        if let Some(grant) = devices.choose(request) {
            devices.take(&task, &grant).unwrap();
        }
        if *ends {
            devices.release(&task);
        }
    }
    devices
}

/// The model and the free thousandths of each device.
fn state(devices: &Devices) -> BTreeMap<Word, (Word, u32)> {
    devices.iter().map(|(device, free)| (device.id.clone(), (device.model.clone(), free))).collect()
}

fn any_requests() -> impl Strategy<Value = Vec<(DeviceRequest, bool)>> {
    proptest::collection::vec((any_request(), any::<bool>()), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shares_never_come_to_more_than_the_device(devices in any_devices(), requests in any_requests()) {
        let devices = used(devices, &requests);
        prop_assert_eq!(devices.excess().count(), 0);
        for (device, free) in devices.iter() {
            let sum: u32 = devices.uses(&device.id).map(|(_, milli)| milli).sum();
            prop_assert_eq!(sum + free, WHOLE_MILLI);
        }
    }

    #[test]
    fn what_is_chosen_is_what_was_asked_for_and_nothing_is_chosen_only_where_nothing_fits(
        devices in any_devices(), requests in any_requests(), request in any_request(),
    ) {
        let devices = used(devices, &requests);
        let state = state(&devices);
        let (milli, count) = request.amount.parts();
        let fits_on = |model: &Word| state.values().filter(|(of, free)| of == model && *free >= milli).count();
        let may = state.values().any(|(model, _)| request.admits(model) && fits_on(model) >= count as usize);
        let chosen = devices.choose(&request);
        prop_assert_eq!(chosen.is_some(), may && request.amount.is_valid());
        if let Some(Grant { devices: names, milli: of_each }) = chosen {
            prop_assert_eq!((of_each, names.len()), (milli, count as usize));
            let of: Vec<_> = names.iter().map(|name| &state[name]).collect();
            prop_assert!(of.iter().all(|(model, free)| *free >= milli && *model == of[0].0));
            prop_assert!(request.admits(&of[0].0));
        }
    }

    #[test]
    fn a_task_that_ends_leaves_what_was(devices in any_devices(), requests in any_requests(), request in any_request()) {
        let before = used(devices, &requests);
        let mut after = before.clone();
        if let Some(grant) = after.choose(&request) {
            after.take(&"new".into(), &grant).unwrap();
            prop_assert!(after.take(&"new".into(), &grant).is_err());
            after.release(&"new".into());
        }
        prop_assert_eq!(before, after);
    }

    /// Both policies score exactly where the task fits, and name a device that has the room.
    #[test]
    fn a_score_is_where_the_task_fits(
        devices in any_devices(), requests in any_requests(), piece in any_piece(), typical in any_typical(),
        cpu in 0..128_000_u64,
    ) {
        let devices = used(devices, &requests);
        let room = Room::new(Resources::new(cpu, 48 << 30), &devices);
        let chosen = piece.devices.as_ref().map(|request| devices.choose(request).is_some());
        let fits = room.free().contains(&piece.base) && chosen.unwrap_or(true);
        prop_assert_eq!(room.fits(&piece), fits);
        for scoring in [Scoring::BestFit, Scoring::Fragmentation(Workload::new(&typical))] {
            let score = scoring.score(&room, &piece);
            prop_assert_eq!(score.is_some(), fits);
            prop_assert_eq!(score, scoring.score(&room.clone(), &piece));
            if let (Some(score), Some(request)) = (score, &piece.devices) {
                prop_assert!(devices.choose_share_at(request, score.device_free_milli).is_some());
            }
        }
    }

    /// Without a typical workload the gradient is flat, and what is left is best fit.
    #[test]
    fn a_flat_gradient_is_best_fit(devices in any_devices(), requests in any_requests(), piece in any_piece()) {
        let room = Room::new(Resources::new(64_000, 48 << 30), &used(devices, &requests));
        let flat = Scoring::Fragmentation(Workload::new(&[]));
        prop_assert_eq!(flat.score(&room, &piece), Scoring::BestFit.score(&room, &piece));
    }

    /// Amounts from the ends of what can be told do no harm.
    #[test]
    fn extreme_amounts_do_no_harm(cpu in any::<u64>(), taken in any::<u64>(), weight in any::<u32>(), share in any::<u32>()) {
        let request = |amount| Some(DeviceRequest { models: vec![], amount });
        let piece = |amount| Piece { base: Resources::new(taken, taken), devices: request(amount) };
        let amounts = [DeviceAmount::Share(share), DeviceAmount::Whole(share), DeviceAmount::Share(1)];
        let typical = amounts.map(|amount| Typical { piece: piece(amount), weight });
        let devices = Devices::new([Device { id: "g".into(), model: "m".into(), island: None }]);
        let room = Room::new(Resources::new(cpu, u64::MAX), &devices);
        let gradient = Scoring::Fragmentation(Workload::new(&typical));
        for amount in amounts {
            let fits = room.fits(&piece(amount));
            prop_assert_eq!(gradient.score(&room, &piece(amount)).is_some(), fits);
        }
    }
}

/// Five percent of the tasks may be left out, and shapes that differ in memory alone are one.
#[test]
fn gpus_that_are_counted_score_as_idle_devices_do() {
    let device = |at: u8| Device { id: Word::from(format!("g{at}")), model: "m0".into(), island: None };
    let free = Resources::new(8000, 1 << 30);
    let shown = Room::new(free.clone(), &Devices::new((0..3).map(device)));
    let counted = Room::counted(&Resources { gpus: [("m0".into(), 3)].into(), ..free });
    assert_eq!(shown, counted);
}

#[test]
fn the_most_common_shapes_are_the_typical_ones() {
    let piece = |cpu, memory| Piece { base: Resources::new(cpu, memory), devices: None };
    let mut seen = vec![piece(1000, 1); 60];
    seen.extend(vec![piece(1000, 2); 20]);
    seen.extend(vec![piece(2000, 1); 16]);
    seen.extend(vec![piece(500, 1); 4]);
    let typical = Typical::most_common(&seen, 95);
    let weights: Vec<_> = typical.iter().map(|one| (one.piece.base.cpu_milli, one.weight)).collect();
    assert_eq!(weights, [(1000, 80), (2000, 16)]);
}

/// Processor time is spent where the GPUs do not need it: FGD's own measure sees no difference before it is too late.
#[test]
fn work_without_gpus_goes_where_the_gpus_do_not_need_its_processor_time() {
    let devices = |count: u8| {
        let device = |at| Device { id: Word::from(format!("g{at}")), model: "m".into(), island: None };
        Devices::new((0..count).map(device))
    };
    let whole = DeviceRequest { models: vec![], amount: DeviceAmount::Whole(1) };
    let typical = Piece { base: Resources::new(11_000, 0), devices: Some(whole) };
    let gradient = Scoring::Fragmentation(Workload::new(&[Typical { piece: typical, weight: 1 }]));
    let many = Room::new(Resources::new(96_000, 0), &devices(8));
    let few = Room::new(Resources::new(104_000, 0), &devices(2));
    let work = Piece { base: Resources::new(32_000, 0), devices: None };
    let lost = |room: &Room| gradient.score(room, &work).unwrap().lost;
    assert_eq!((lost(&many), lost(&few)), (21, 0));
}
