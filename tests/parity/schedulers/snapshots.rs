//! A run that is interrupted, stored and taken up by a fresh scheduler ends in the same bits as a run in one piece.

use burn::tensor::{Device, Tensor, TensorData};
use burnisher::base::rng::Generators;
use burnisher::schedulers::{SamplingOptions, Scheduler, SchedulerConfig, SchedulerKind, Snapshot};
use serde_json::{Value, json};

use super::{first_sample, kind, model, randn, saved_with, values};

const STEPS: usize = 9;

/// How a scheduler is built.
struct Plan {
    kind: SchedulerKind,
    config: SchedulerConfig,
    sampling: SamplingOptions,
}

impl Plan {
    /// The plan of a sampler with what a checkpoint says beyond the usual.
    fn new(kind: SchedulerKind, options: Value, eta: f64) -> Self {
        let mut config = saved_with(kind);
        config.extend(super::config(options));
        Self { kind, config, sampling: SamplingOptions { eta, ..SamplingOptions::default() } }
    }

    fn build(&self) -> Scheduler {
        self.kind.build(&self.config, STEPS, &self.sampling).unwrap_or_else(|e| panic!("{}: {e}", self.place()))
    }

    fn place(&self) -> String {
        format!("{}, {}, {}", self.kind, json!(self.sampling), json!(self.config))
    }
}

/// Every sampler, and those that remember more or draw more with other options.
fn plans() -> Vec<Plan> {
    let usual = SchedulerKind::ALL.iter().map(|kind| Plan::new(*kind, json!({}), 0.0));
    let others = [
        ("ddim", json!({}), 0.7),
        ("tcd", json!({}), 0.3),
        ("dpm++2s", json!({"solver_order": 3}), 0.0),
        ("dpm++2s", json!({"algorithm_type": "sde-dpmsolver++"}), 0.0),
        ("unipc", json!({"solver_order": 3, "lower_order_final": false, "final_sigmas_type": "sigma_min"}), 0.0),
        ("unipc", json!({"disable_corrector": [0, 1]}), 0.0),
        ("deis", json!({"solver_order": 3}), 0.0),
        ("sasolver", json!({"predictor_order": 3, "corrector_order": 3}), 0.0),
        ("edm-dpm++2m", json!({"algorithm_type": "sde-dpmsolver++"}), 0.0),
        ("flow-euler", json!({"stochastic_sampling": true}), 0.0),
    ];
    usual.chain(others.map(|(name, options, eta)| Plan::new(kind(name), options, eta))).collect()
}

/// Where a run is: the sample before a call of the model, and the generator.
#[derive(Clone)]
struct Place {
    call: usize,
    sample: Tensor<4>,
    generators: Generators,
}

impl Place {
    /// The start of a run at a call of the model.
    fn first(scheduler: &Scheduler, call: usize) -> Self {
        Self { call, sample: first_sample(scheduler, call), generators: Generators::per_image([9]) }
    }

    /// Runs up to a call of the model, which is not done.
    fn run(&mut self, scheduler: &mut Scheduler, until: usize) {
        for i in self.call..until {
            let timestep = scheduler.timesteps()[i];
            let output = model(&scheduler.scale_model_input(self.sample.clone(), i), timestep);
            let step = scheduler.step(output, i, self.sample.clone(), &mut self.generators);
            self.sample = step.expect("it can be done").prev_sample;
        }
        self.call = until;
    }

    /// The same with the generator written as JSON and read again.
    fn stored(&self) -> Self {
        let text = serde_json::to_string(&self.generators).expect("a text");
        Self { generators: serde_json::from_str(&text).expect("readable"), ..self.clone() }
    }
}

/// A snapshot with its record written as JSON and its tensors as numbers, and both read again.
fn stored(snapshot: &Snapshot) -> Snapshot {
    let record = serde_json::to_string(&snapshot.record).expect("a text");
    let stored = |tensor: &Tensor<4>| {
        let numbers = tensor.clone().into_data().try_to_vec::<f32>().expect("they are f32");
        Tensor::from_data(TensorData::new(numbers, tensor.dims()), &Device::flex())
    };
    let tensors = snapshot.tensors.iter().map(|(name, tensor)| (name.clone(), stored(tensor))).collect();
    Snapshot { record: serde_json::from_str(&record).expect("readable"), tensors }
}

fn bits(sample: &Tensor<4>) -> Vec<u64> {
    values(sample).into_iter().map(f64::to_bits).collect()
}

#[test]
fn every_sampler_goes_on_from_a_snapshot_to_the_same_bits() {
    for plan in plans() {
        let calls = plan.build().timesteps().len();
        let entry = plan.build().entries()[2];
        for start in [0, entry] {
            let mut whole = plan.build();
            whole.take_up(start);
            let mut end = Place::first(&whole, start);
            end.run(&mut whole, calls);
            assert!(values(&end.sample).iter().all(|value| value.is_finite()), "{}", plan.place());
            for interrupted in start..calls {
                let mut first = plan.build();
                first.take_up(start);
                let mut place = Place::first(&first, start);
                place.run(&mut first, interrupted);
                let (snapshot, mut place) = (stored(&first.snapshot()), place.stored());
                assert_eq!(snapshot.record.next, if interrupted > start { interrupted } else { 0 });
                drop(first);

                let mut second = plan.build();
                second.restore(snapshot).unwrap_or_else(|e| panic!("{}: {e}", plan.place()));
                place.run(&mut second, calls);
                let same = bits(&place.sample) == bits(&end.sample);
                assert!(same, "from call {start}, interrupted before call {interrupted}: {}", plan.place());
            }
        }
    }
}

#[test]
fn samplers_that_keep_history_are_those_that_end_elsewhere_without_it() {
    for plan in plans() {
        let mut whole = plan.build();
        let calls = whole.timesteps().len();
        let mut place = Place::first(&whole, 0);
        // Where a step begins, be it of one call, of two or of three.
        place.run(&mut whole, 6);
        let mut without = place.clone();
        place.run(&mut whole, calls);
        without.run(&mut plan.build(), calls);
        assert_eq!(bits(&place.sample) != bits(&without.sample), plan.kind.keeps_history(), "{}", plan.place());
    }
}

/// What the error says when a snapshot of this sampler, after some steps, is restored in another one.
fn refusal(from: &Plan, to: &Plan, damage: impl Fn(&mut Snapshot)) -> String {
    let mut scheduler = from.build();
    Place::first(&scheduler, 0).run(&mut scheduler, 3);
    let mut snapshot = scheduler.snapshot();
    damage(&mut snapshot);
    to.build().restore(snapshot).expect_err("it doesn't fit").to_string()
}

#[test]
fn snapshots_that_do_not_fit_are_refused() {
    let plan = |name| Plan::new(kind(name), json!({}), 0.0);
    let (unipc, deis) = (plan("unipc"), plan("deis"));
    let message = refusal(&deis, &unipc, |_| ());
    assert_eq!(message, "A snapshot of DEISMultistepScheduler can't be restored in UniPCMultistepScheduler");
    let message = refusal(&plan("plms"), &plan("pndm-prk"), |_| ());
    assert!(message.contains("10 calls") && message.contains("18"), "{message}");
    let message = refusal(&deis, &deis, |snapshot| snapshot.record.next = 1);
    assert!(message.contains("damaged"), "{message}");
    let message = refusal(&deis, &deis, |snapshot| snapshot.tensors.clear());
    assert!(message.contains("lacks output_0"), "{message}");
}

#[test]
fn a_sampler_does_not_go_on_with_samples_of_another_shape() {
    let mut scheduler = Plan::new(kind("deis"), json!({}), 0.0).build();
    Place::first(&scheduler, 0).run(&mut scheduler, 3);
    let batch = Tensor::cat(vec![randn(7), randn(8)], 0);
    let error = scheduler.step(batch.clone(), 3, batch, &mut Generators::per_image([9])).expect_err("another batch");
    assert!(error.to_string().contains("[1, 4, 2, 2]") && error.to_string().contains("[2, 4, 2, 2]"), "{error}");
}

#[test]
fn numbers_of_a_damaged_record_break_nothing() {
    for plan in plans() {
        let mut scheduler = plan.build();
        let mut place = Place::first(&scheduler, 0);
        place.run(&mut scheduler, 4);
        let mut snapshot = scheduler.snapshot();
        for wrong in [0, 1, 1000, usize::MAX - 1] {
            snapshot.record.counts.values_mut().for_each(|count| *count = wrong);
            let mut damaged = plan.build();
            damaged.restore(snapshot.clone()).expect("its numbers aren't known to be wrong");
            let calls = damaged.timesteps().len();
            place.clone().run(&mut damaged, calls);
        }
    }
}
