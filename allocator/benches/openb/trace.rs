//! The trace: its agents, its lists of tasks, and the order in which one seed lets them come.

use std::path::Path;
use twofold_allocator::device::{DeviceAmount, DeviceRequest, WHOLE_MILLI};
use twofold_allocator::id::Word;
use twofold_allocator::resources::Resources;
use twofold_allocator::score::Piece;

/// An agent of the trace, in the order of their names: its GPUs are of one model.
pub(crate) struct Machine {
    pub(crate) capacity: Resources,
    pub(crate) model: Word,
    pub(crate) gpus: u32,
}

/// Reads a list of the trace: for each line, what stands in the named columns; empty where a list has no such column.
fn rows<const N: usize>(path: &Path, columns: [&str; N]) -> Result<Vec<[String; N]>, String> {
    let wrong = |error: csv::Error| format!("failed to read {}: {error}", path.display());
    let mut reader = csv::Reader::from_path(path).map_err(wrong)?;
    let headers = reader.headers().map_err(wrong)?.clone();
    let at = columns.map(|column| headers.iter().position(|header| header == column));
    let row = |record: csv::StringRecord| {
        at.map(|at| at.and_then(|at| record.get(at)).unwrap_or_default().to_owned())
    };
    reader.into_records().map(|record| record.map(row).map_err(wrong)).collect()
}

fn number<T: std::str::FromStr>(path: &Path, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("failed to read {}: {text:?} is no number", path.display()))
}

fn resources(path: &Path, cpu_milli: &str, memory_mib: &str) -> Result<Resources, String> {
    Ok(Resources::new(number(path, cpu_milli)?, number::<u64>(path, memory_mib)? << 20))
}

/// The 1,213 agents with GPUs.
pub(crate) fn machines(folder: &Path) -> Result<Vec<Machine>, String> {
    let path = folder.join("openb_node_list_gpu_node.csv");
    let rows = rows(&path, ["cpu_milli", "memory_mib", "gpu", "model"])?;
    let machine = |[cpu, memory, gpus, model]: [String; 4]| {
        let capacity = resources(&path, &cpu, &memory)?;
        Ok(Machine { capacity, model: model.as_str().into(), gpus: number(&path, &gpus)? })
    };
    rows.into_iter().map(machine).collect()
}

/// The tasks of one list, in the order of their names.
pub(crate) fn tasks(folder: &Path, list: &str) -> Result<Vec<Piece>, String> {
    let path = folder.join(format!("openb_pod_list_{list}.csv"));
    let rows = rows(&path, ["cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "gpu_spec"])?;
    let task = |[cpu, memory, gpus, milli, models]: [String; 5]| {
        let amount = match (number::<u32>(&path, &gpus)?, number::<u32>(&path, &milli)?) {
            (0, _) => None,
            (1, milli) if milli < WHOLE_MILLI => Some(DeviceAmount::Share(milli)),
            (count, _) => Some(DeviceAmount::Whole(count)),
        };
        let mut models: Vec<Word> =
            models.split('|').filter(|model| !model.is_empty()).map(Word::from).collect();
        models.sort();
        models.dedup();
        let devices = amount.map(|amount| DeviceRequest { models, amount });
        Ok(Piece { base: resources(&path, &cpu, &memory)?, devices })
    };
    rows.into_iter().map(task).collect()
}

/// Thousandths of a GPU that a task asks for.
pub(crate) fn milli(task: &Piece) -> u64 {
    task.devices.as_ref().map_or(0, |request| request.amount.total_milli())
}

/// The tasks in the order in which they come, as positions in the list: shuffled, then topped up by tasks drawn again, or
/// thinned by tasks drawn out, until they ask for `target_milli` in all.
pub(crate) fn arrivals(tasks: &[Piece], seed: u64, target_milli: u64) -> Vec<usize> {
    let mut random = Random(seed);
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, random.below(at + 1));
    }
    let asked = |at: usize| tasks.get(at).map_or(0, milli);
    let mut total: u64 = order.iter().map(|at| asked(*at)).sum();
    if total > target_milli {
        while total > target_milli {
            total -= asked(order.remove(random.below(order.len())));
        }
        return order;
    }
    loop {
        let next = random.below(tasks.len());
        if total + asked(next) > target_milli {
            return order;
        }
        total += asked(next);
        order.push(next);
    }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.next()) * end as u128;
        (wide >> 64) as usize
    }
}
