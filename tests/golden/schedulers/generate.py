"""Writes runs/*.json, schedulers.json, options.json and expectations.json, for tests/parity/schedulers.rs and schedulers/expectations.rs.

Needs torch 2.13, diffusers 0.42.1 and scipy (beta sigmas): OMP_NUM_THREADS=1 python generate.py [scheduler_expectations.json]
The argument is the list of upstream's own full-loop expectations; without it expectations.json is left as it is.

Every run is of the closed-form model below on a sample of [1, 4, 2, 2]. Of each step one value is kept, a different one
each time, and of the last step all 16. `original` and `noise` are torch's normals of the seeds 8 and 7, and what stochastic
samplers draw comes from seed 9. DPM++ SDE gets its Brownian path from there too, in place of torchsde's. Each class has its runs in a file of its own.
"""

import json
import pathlib
import sys
import types
import warnings

import diffusers
import torch

warnings.filterwarnings("ignore")
diffusers.utils.logging.set_verbosity_error()
# Not needed for more than the import, since DPM++ SDE gets another noise sampler.
sys.modules.setdefault("torchsde", types.ModuleType("torchsde"))
from diffusers.schedulers.scheduling_dpmsolver_sde import DPMSolverSDEScheduler

HERE = pathlib.Path(__file__).parent
SHAPE = (1, 4, 2, 2)
KINDS = {
    "ddpm": ("DDPMScheduler", {}),
    "ddim": ("DDIMScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "plms": ("PNDMScheduler", {"skip_prk_steps": True}),
    "pndm-prk": ("PNDMScheduler", {"skip_prk_steps": False}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-karras": ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
    "euler-trailing": ("EulerDiscreteScheduler", {"timestep_spacing": "trailing"}),
    "euler-linspace": ("EulerDiscreteScheduler", {"timestep_spacing": "linspace"}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "lms-karras": ("LMSDiscreteScheduler", {"use_karras_sigmas": True}),
    "heun": ("HeunDiscreteScheduler", {}),
    "heun-karras": ("HeunDiscreteScheduler", {"use_karras_sigmas": True}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2-karras": ("KDPM2DiscreteScheduler", {"use_karras_sigmas": True}),
    "dpm2-a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm2-a-karras": ("KDPM2AncestralDiscreteScheduler", {"use_karras_sigmas": True}),
    "dpm++2m": ("DPMSolverMultistepScheduler", {}),
    "dpm++2m-karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "dpm++2m-sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++2m-sde-karras": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpm++2m-lu": ("DPMSolverMultistepScheduler", {"use_lu_lambdas": True}),
    "dpm++3m": ("DPMSolverMultistepScheduler", {"solver_order": 3}),
    "dpm++2s": ("DPMSolverSinglestepScheduler", {}),
    "dpm++2s-karras": ("DPMSolverSinglestepScheduler", {"use_karras_sigmas": True}),
    "dpm++sde": ("DPMSolverSDEScheduler", {}),
    "dpm++sde-karras": ("DPMSolverSDEScheduler", {"use_karras_sigmas": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "unipc-karras": ("UniPCMultistepScheduler", {"use_karras_sigmas": True}),
    "deis": ("DEISMultistepScheduler", {}),
    "sasolver": ("SASolverScheduler", {}),
    "sasolver-karras": ("SASolverScheduler", {"use_karras_sigmas": True}),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
    "ipndm": ("IPNDMScheduler", {}),
    "edm-euler": ("EDMEulerScheduler", {}),
    "edm-dpm++2m": ("EDMDPMSolverMultistepScheduler", {}),
    "flow-euler": ("FlowMatchEulerDiscreteScheduler", {}),
}
# For models without a noise schedule.
OTHERS = ("ipndm", "edm-euler", "edm-dpm++2m", "flow-euler")
DISCRETE = {kind: row for kind, row in KINDS.items() if kind not in OTHERS}
NO_SAMPLE = (
    "PNDMScheduler",
    "EulerAncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "DPMSolverSDEScheduler",
)
# Of these, a step takes several calls of the model, and a run starts at a whole step.
SEVERAL_CALLS = ("heun", "heun-karras", "dpm2", "dpm2-karras", "dpm2-a", "dpm2-a-karras", "dpm++sde", "dpm++sde-karras")
CLASSES = sorted({name for name, _ in KINDS.values()})
SD15 = {
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
}
ZERO_SNR = SD15 | {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction", "timestep_spacing": "trailing"}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}


def randn(seed):
    return torch.randn(SHAPE, generator=torch.Generator("cpu").manual_seed(seed))


def model(x, t):
    return x / (x.abs() + 1) * (0.5 + float(t) / 2000)


SWITCHES = {
    "karras": "use_karras_sigmas",
    "exponential": "use_exponential_sigmas",
    "beta": "use_beta_sigmas",
    "lu": "use_lu_lambdas",
}


def class_of(kind):
    name = KINDS[kind][0]
    return DPMSolverSDEScheduler if name == "DPMSolverSDEScheduler" else getattr(diffusers, name)


def from_config(kind, config, schedule=None):
    overrides = dict(KINDS[kind][1])
    takes = class_of(kind).__init__.__wrapped__.__code__.co_varnames
    if schedule and "sigma_schedule" in takes:
        overrides["sigma_schedule"] = schedule
    elif schedule == "uniform":
        overrides |= {switch: False for switch in SWITCHES.values() if switch in takes}
    elif schedule:
        overrides[SWITCHES[schedule]] = True
    return class_of(kind).from_config(dict(config), **overrides)


def build(kind, config, steps, sampling={}):
    scheduler = from_config(kind, config, sampling.get("sigma_schedule"))
    listed = {key: sampling[key] for key in ("timesteps", "sigmas") if key in sampling}
    scheduler.set_timesteps(**(listed or {"num_inference_steps": steps}))
    if isinstance(scheduler, DPMSolverSDEScheduler):
        scheduler.noise_sampler = BrownianPath()
    return scheduler


class BrownianPath:
    """Of each step first its first half, then all of it, both scaled to unit noise."""

    def __init__(self):
        self.generator = torch.Generator("cpu").manual_seed(9)
        self.first = None

    def __call__(self, start, end):
        noise = torch.randn(SHAPE, generator=self.generator)
        if self.first is None:
            self.first = (noise, end)
            return noise
        (first, middle), self.first = self.first, None
        return (first * (start - middle) ** 0.5 + noise * (middle - end) ** 0.5) / (start - end) ** 0.5


def number(value):
    return float(f"{float(value):.9g}")  # all of an f32


def schedule(scheduler):
    found = {"timesteps": [number(t) for t in scheduler.timesteps], "init": number(getattr(scheduler, "init_noise_sigma", 1.0))}
    if hasattr(scheduler, "sigmas"):
        found["sigmas"] = [number(s) for s in scheduler.sigmas]
    return found


def run(kind, config, steps, start=0, sampling={}):
    """As the pipelines do it: from pure noise, or from a noised original at step `start`."""
    scheduler = build(kind, config, steps, sampling)
    start *= scheduler.order if kind in SEVERAL_CALLS else 1
    case = {"kind": kind, "steps": steps, "start": start, **schedule(scheduler)}
    if sampling:
        case["sampling"] = sampling
    if start:
        case = {key: value for key, value in case.items() if key not in ("timesteps", "sigmas")}
    timesteps = scheduler.timesteps[start:]
    if hasattr(scheduler, "set_begin_index"):
        # Else the first step is looked up by its timestep, and where two round to the same one it is the wrong one.
        scheduler.set_begin_index(start)
    sample = randn(7) * getattr(scheduler, "init_noise_sigma", 1.0)
    if start and kind == "flow-euler":
        sample = scheduler.scale_noise(randn(8), timesteps[:1], randn(7))
    elif start:
        sample = scheduler.add_noise(randn(8), randn(7), timesteps[:1])
    takes = scheduler.step.__code__.co_varnames
    arguments = {"generator": torch.Generator("cpu").manual_seed(9)} if "generator" in takes else {}
    if "eta" in takes:
        arguments["eta"] = sampling.get("eta", 0.0)  # which Diffusers' pipelines hand over
    values = []
    for i, t in enumerate(timesteps):
        scaled = sample if kind == "flow-euler" else scheduler.scale_model_input(sample, t)
        output = model(scaled, t)
        sample = scheduler.step(output, t, sample, **arguments).prev_sample
        values.append(number(sample.flatten()[5 * i % 16]))
    assert sample.isfinite().all(), (kind, config, steps, start)
    return case | {"values": values, "last": [number(v) for v in sample.flatten()]}


# What hand-written files have in the place of true, false and whole numbers.
WRITTEN_OTHERWISE = {
    "clip_sample": (0, 1, "true"),
    "set_alpha_to_one": (0, 1, "true"),
    "skip_prk_steps": (1, "true"),
    "lower_order_final": (0, 1),
    "euler_at_final": (0, 1),
    "thresholding": (0, 1),
    "use_karras_sigmas": (0, 1),
    "steps_offset": (0.0, 1.0, True),
    "original_inference_steps": (50.0,),
    "solver_order": (True,),
}


def options():
    """Null for each option of each class, and values of another type: whatever Diffusers draws with."""
    cases = []
    for name in CLASSES:
        kind = next(kind for kind, (other, _) in KINDS.items() if other == name)
        base = {} if kind in OTHERS else {key: value for key, value in SD15.items() if key != "_class_name"}
        takes = class_of(kind).__init__.__wrapped__.__code__
        for key in takes.co_varnames[1 : takes.co_argcount]:
            for value in (None, *WRITTEN_OTHERWISE.get(key, ())):
                try:
                    case = run(kind, base | {key: value}, 10)
                except Exception:
                    continue
                cases.append({"kind": kind, "config": base | {key: value}, "last": case["last"]})
    return cases


def matrix():
    """Every sampler x spacing x prediction type x step count, and image-to-image starts at 20, 50 and 80 % of the steps."""
    groups = []
    for spacing in ("linspace", "leading", "trailing"):
        for prediction in ("epsilon", "v_prediction", "sample"):
            config = SD15 | {"timestep_spacing": spacing, "prediction_type": prediction}
            cases = []
            for kind, (name, overrides) in DISCRETE.items():
                no_sample = name in NO_SAMPLE
                repeats = "timestep_spacing" in overrides and spacing != "leading"
                if repeats or kind == "pndm" or (prediction == "sample" and no_sample):
                    continue
                # Samples fall from tens to tenths, and four of the former's f32 show in the latter: in f64 Diffusers is 2e-5 away.
                beyond_f32 = (kind, prediction) == ("lms-karras", "sample")
                for steps, start in ((5, 0), (10, 0), (10, 2), (20, 0), (20, 10), (20, 16), (50, 0)):
                    if beyond_f32 and steps == 50:
                        continue
                    case = run(kind, config, steps, start)
                    if prediction != "epsilon" and steps in (5, 50):
                        # The same whatever is predicted.
                        del case["timesteps"]
                        case.pop("sigmas", None)
                    cases.append(case)
            groups.append({"config": config, "cases": cases})
    return groups


def special():
    """One option at a time."""
    dpm = "DPMSolverMultistepScheduler"
    betas = [0.001 * (i + 1) for i in range(40)]
    runs = [
        # Keys absent from the file take the class's own defaults, whatever class the file is of.
        ({}, [(kind, 10) for kind in DISCRETE]),
        (SD15, [(kind, steps) for kind in DISCRETE for steps in (10, 25)]),
        (SD15 | {"set_alpha_to_one": True}, [("ddim", 10), ("pndm", 10), ("pndm-prk", 10)]),
        (SD15 | {"steps_offset": 0}, [("ddim", 10), ("euler", 10), ("dpm++2m", 10)]),
        (SD15, [(kind, steps) for kind in DISCRETE if kind != "pndm-prk" for steps in (1, 3)]),
        # In two steps, what DPM2 a and DPM++ SDE go down to is a difference of nearly equal squares, in f32.
        (SD15, [(kind, 2) for kind in DISCRETE if kind not in ("pndm-prk", "dpm2-a", "dpm2-a-karras", "dpm++sde", "dpm++sde-karras")]),
        (SD15, [("pndm-prk", 4), ("ddpm", 200), ("ddim", 100)]),
        (ZERO_SNR, [(kind, steps) for kind in DISCRETE for steps in (10, 20)]),
        (ZERO_SNR | {"timestep_spacing": "leading"}, [(kind, 10) for kind in DISCRETE]),
        (ZERO_SNR | {"prediction_type": "epsilon"}, [("euler", 10), ("dpm++2m", 10)]),
        (ZERO_SNR | {"prediction_type": "sample"}, [("ddim", 10), ("ddpm", 10)]),
        (COSINE, [(kind, 10) for kind in DISCRETE if kind not in ("euler-a", "dpm2-a", "dpm2-a-karras", "dpm++sde", "dpm++sde-karras", "sasolver-karras")]),
        (COSINE | {"lambda_min_clipped": -5.1}, [("dpm++2m", 10), ("dpm++2m-karras", 10), ("dpm++2s", 10), ("sasolver", 10)]),
        (COSINE | {"lambda_min_clipped": -5.1, "timestep_spacing": "leading"}, [("dpm++2m", 10)]),
        (COSINE | {"lambda_min_clipped": -5.1, "timestep_spacing": "trailing"}, [("dpm++2m", 10)]),
        ({"beta_schedule": "laplace"}, [("ddpm", 10)]),
        ({"beta_schedule": "sigmoid"}, [("ddpm", 10)]),
        ({"trained_betas": betas, "num_train_timesteps": 40}, [(kind, 8) for kind in DISCRETE if kind not in ("lcm", "tcd")]),
        ({"num_train_timesteps": 1100}, [(kind, 10) for kind in DISCRETE]),
        ({"variance_type": "fixed_small_log"}, [("ddpm", 10)]),
        ({"variance_type": "fixed_large"}, [("ddpm", 10), ("dpm++2m", 5)]),
        ({"original_inference_steps": 20, "timestep_scaling": 0.01}, [("lcm", 7), ("lcm", 20), ("tcd", 7), ("tcd", 20)]),
        ({"clip_sample": True, "clip_sample_range": 0.7}, [("lcm", 10), ("ddpm", 10), ("ddim", 10), ("heun", 10)]),
        (
            {"thresholding": True, "dynamic_thresholding_ratio": 0.87, "sample_max_value": 1.6},
            [("ddpm", 10), ("ddim", 10), ("dpm++2m", 10), ("dpm++2m-sde", 10), ("unipc", 10), ("deis", 10), ("dpm++2s", 10), ("sasolver", 10)],
        ),
        (SD15 | {"use_exponential_sigmas": True}, [("euler", 10), ("dpm++2m", 10), ("heun", 10), ("lms", 10), ("unipc", 10), ("deis", 10), ("dpm2", 10), ("dpm++2s", 10), ("dpm++sde", 10), ("sasolver", 10)]),
        (SD15 | {"use_beta_sigmas": True}, [("euler", 10), ("dpm++2m", 10), ("euler", 25), ("heun", 10), ("lms", 10), ("unipc", 10), ("deis", 10), ("dpm2", 10), ("dpm++2s", 10), ("dpm++sde", 10), ("sasolver", 10)]),
        (SD15 | {"sigma_min": 0.1, "sigma_max": 10.0}, [("euler-karras", 10), ("dpm++2m-karras", 10), ("heun-karras", 10), ("unipc-karras", 10)]),
        (SD15 | {"_class_name": "EulerDiscreteScheduler", "sigma_min": 0.1}, [("dpm++2m-karras", 10)]),
        (SD15 | {"interpolation_type": "log_linear"}, [("euler", 10), ("euler-karras", 10)]),
        (SD15 | {"timestep_type": "continuous"}, [("euler", 10)]),
        (SD15 | {"timestep_type": "continuous", "prediction_type": "v_prediction"}, [("euler", 10)]),
        (SD15 | {"final_sigmas_type": "sigma_min"}, [("euler", 10), ("dpm++2m", 20), ("dpm++2m-karras", 20)]),
        (SD15 | {"prediction_type": "original_sample"}, [("euler", 10)]),
        (SD15 | {"lower_order_final": False}, [("dpm++2m", 10), ("dpm++3m", 10)]),
        (SD15 | {"lower_order_final": False, "final_sigmas_type": "sigma_min"}, [("dpm++2m", 10), ("dpm++3m", 10)]),
        (SD15 | {"euler_at_final": True, "final_sigmas_type": "sigma_min"}, [("dpm++2m", 20)]),
        (SD15 | {"algorithm_type": "deis", "solver_type": "logrho", "final_sigmas_type": "sigma_min"}, [("dpm++2m", 10)]),
        (SD15 | {"solver_order": 1}, [("dpm++2m", 10)]),
        (SD15 | {"solver_order": 3}, [("dpm++2m-sde", 20), ("dpm++2m-sde-karras", 20)]),
        (SD15 | {"solver_type": "heun"}, [("dpm++2m", 20), ("dpm++2m-sde", 20)]),
    ]
    for options in (
        {"final_sigmas_type": "sigma_min"},
        {"lower_order_final": False, "final_sigmas_type": "sigma_min"},
        {"solver_order": 1},
        {"solver_order": 3},
        {"solver_order": 3, "solver_type": "bh1", "final_sigmas_type": "sigma_min"},
        {"solver_type": "bh1", "final_sigmas_type": "sigma_min"},
        {"solver_type": "heun"},
        {"disable_corrector": [0, 3]},
        {"predict_x0": False, "final_sigmas_type": "sigma_min"},
        {"predict_x0": False, "final_sigmas_type": "sigma_min", "prediction_type": "v_prediction"},
        {"predict_x0": False, "final_sigmas_type": "sigma_min", "prediction_type": "sample"},
    ):
        runs.append((SD15 | options, [("unipc", 10), ("unipc", 20), ("unipc", 50), ("unipc-karras", 20)]))
    for options in (
        {"final_sigmas_type": "sigma_min"},
        {"lower_order_final": True, "final_sigmas_type": "sigma_min"},
        {"solver_order": 1},
        {"solver_order": 3},
        {"solver_order": 3, "final_sigmas_type": "sigma_min"},
        {"solver_order": 3, "lower_order_final": True, "final_sigmas_type": "sigma_min"},
        {"solver_order": 3, "solver_type": "heun"},
        {"solver_type": "heun"},
        {"algorithm_type": "sde-dpmsolver++"},
        {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"},
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 3},
        {"algorithm_type": "sde-dpmsolver++", "solver_order": 3, "solver_type": "heun"},
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "prediction_type": "v_prediction"},
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "prediction_type": "sample"},
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "solver_type": "heun"},
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "solver_order": 3},
        {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "solver_order": 3, "solver_type": "heun"},
    ):
        # Two and three calls, of which none, one and two are left over.
        runs.append((SD15 | options, [("dpm++2s", 9), ("dpm++2s", 10), ("dpm++2s", 11), ("dpm++2s-karras", 12)]))
    for options in (
        {"predictor_order": 1},
        {"corrector_order": 1},
        {"predictor_order": 3, "corrector_order": 3},
        {"predictor_order": 1, "corrector_order": 3},
        {"lower_order_final": False},
        {"algorithm_type": "noise_prediction"},
        {"algorithm_type": "noise_prediction", "prediction_type": "v_prediction"},
        {"algorithm_type": "noise_prediction", "prediction_type": "sample"},
        {"algorithm_type": "noise_prediction", "predictor_order": 3, "corrector_order": 3},
    ):
        runs.append((SD15 | options, [("sasolver", 10), ("sasolver", 20), ("sasolver-karras", 12)]))
    for options in (
        {"use_karras_sigmas": True},
        {"solver_order": 1},
        {"solver_order": 3},
        {"lower_order_final": False},
        {"algorithm_type": "dpmsolver++", "solver_type": "midpoint"},
    ):
        # More steps of the third order go beyond f32: with sigmas in f64 they end elsewhere.
        most = [] if options.get("solver_order") == 3 else [("deis", 50)]
        runs.append((SD15 | options, [("deis", 10), ("deis", 20)] + most))
    for algorithm in ("dpmsolver", "sde-dpmsolver"):
        for prediction in ("epsilon", "v_prediction", "sample"):
            options = {"algorithm_type": algorithm, "prediction_type": prediction, "final_sigmas_type": "sigma_min"}
            orders = ["dpm++2m", "dpm++2m-karras"] + (["dpm++3m"] if algorithm == "dpmsolver" else [])
            runs.append((SD15 | options, [(kind, 20) for kind in orders]))
            runs.append((SD15 | options | {"solver_type": "heun"}, [("dpm++2m", 20)]))
        runs.append((options | {"thresholding": True, "sample_max_value": 1.5, "prediction_type": "epsilon"}, [("dpm++2m", 20)]))
    return [{"config": config, "cases": [run(kind, config, steps) for kind, steps in cases]} for config, cases in runs]


def others():
    """The same of samplers for models without a noise schedule."""
    lengths = ((1, 0), (2, 0), (5, 0), (10, 0), (10, 2), (20, 0), (20, 10), (20, 16), (50, 0))
    runs = [({}, [("ipndm", steps) for steps, start in lengths if start == 0 and steps > 1])]
    for options in (
        {},
        {"shift": 3.0},
        {"shift": 3.0, "num_train_timesteps": 500},
        {"shift": 3.0, "stochastic_sampling": True},
        {"use_karras_sigmas": True},
        {"use_exponential_sigmas": True},
        {"use_beta_sigmas": True},
    ):
        runs.append((options, [("flow-euler", *length) for length in lengths]))
    runs.append(({"shift_terminal": 0.1}, [("flow-euler", *length) for length in lengths[1:]]))
    for options in (
        {},
        {"prediction_type": "v_prediction"},
        {"sigma_schedule": "exponential"},
        {"final_sigmas_type": "sigma_min"},
        {"sigma_data": 1.0, "sigma_min": 0.01, "sigma_max": 20.0, "rho": 5.0},
    ):
        runs.append((options, [(kind, *length) for kind in ("edm-euler", "edm-dpm++2m") for length in lengths]))
    for options in (
        {"solver_order": 1},
        {"solver_order": 3},
        {"solver_type": "heun"},
        {"algorithm_type": "sde-dpmsolver++"},
        {"algorithm_type": "sde-dpmsolver++", "solver_type": "heun"},
        {"lower_order_final": False, "final_sigmas_type": "sigma_min"},
        {"euler_at_final": True, "final_sigmas_type": "sigma_min"},
        {"thresholding": True, "dynamic_thresholding_ratio": 0.87, "sample_max_value": 1.6},
    ):
        runs.append((options, [("edm-dpm++2m", 10), ("edm-dpm++2m", 20)]))
    return [{"config": config, "cases": [run(kind, config, *length) for kind, *length in cases]} for config, cases in runs]


def asked():
    """What is asked of a sampler beyond its kind and the config: eta, sigma schedules, timesteps and sigmas of one's own."""
    runs = []
    etas = [{"eta": eta} for eta in (0.3, 0.71, 1.0)]
    runs.append((SD15, [("tcd", steps, 0, eta) for eta in etas for steps in (4, 10)] + [("tcd", 50, 0, {"eta": 0.3}), ("tcd", 10, 5, {"eta": 0.3})]))
    # From noise alone, eta = 1 leaves nothing of the model's noise: in Diffusers it is what f32 makes of 1 - 1.
    runs.append((ZERO_SNR, [("ddim", 10, 0, eta) for eta in etas[:2]]))
    for config in (SD15, SD15 | {"prediction_type": "v_prediction", "timestep_spacing": "trailing"}, SD15 | {"set_alpha_to_one": True}):
        runs.append((config, [("ddim", 10, 0, eta) for eta in etas] + [("ddim", 20, 10, {"eta": 1.0})]))
    runs.append(({"clip_sample": True}, [("ddim", 10, 0, {"eta": 0.5})]))

    of_class = {name: kind for kind, (name, overrides) in KINDS.items() if not overrides and kind != "pndm"}
    schedules = []
    for kind in of_class.values():
        takes = class_of(kind).__init__.__wrapped__.__code__.co_varnames
        schedules += [(kind, name) for name, switch in SWITCHES.items() if switch in takes]
    runs.append((SD15, [(kind, 10, 0, {"sigma_schedule": name}) for kind, name in schedules if kind in DISCRETE]))
    others = [(kind, 10, 0, {"sigma_schedule": name}) for kind, name in schedules if kind not in DISCRETE]
    runs.append(({}, others + [("edm-euler", 10, 0, {"sigma_schedule": "exponential"}), ("edm-dpm++2m", 10, 0, {"sigma_schedule": "karras"})]))
    uniform = {"sigma_schedule": "uniform"}
    runs.append((SD15 | {"use_beta_sigmas": True}, [("euler", 10, 0, uniform), ("dpm++2m", 10, 0, uniform), ("ddim", 10, 0, uniform)]))

    whole = {"timesteps": [990, 800, 555, 300, 120, 40, 3]}
    fractional = {"timesteps": [987.5, 700.25, 444.0, 100.75, 5.5]}
    distilled = {"timesteps": [999, 779, 499, 259, 19]}
    for config in (SD15, SD15 | {"prediction_type": "v_prediction"}):
        cases = [(kind, 7, start, whole) for kind in ("ddpm", "dpm++2m", "dpm++3m", "dpm++2m-sde", "dpm++2s", "euler", "heun", "lcm", "tcd") for start in (0, 3)]
        cases += [(kind, 5, 0, distilled) for kind in ("lcm", "tcd")] + [("tcd", 5, 0, distilled | {"eta": 0.5})]
        cases += [(kind, 5, 0, fractional) for kind in ("euler", "heun")]
        cases += [("euler", 6, start, {"sigmas": [14.6, 7.0, 3.5, 1.2, 0.5, 0.1, 0.0]}) for start in (0, 3)]
        cases += [("euler", 4, 0, {"sigmas": [20.0, 5.0, 1.0, 0.3, 0.05]}), ("euler", 1, 0, {"sigmas": [14.0, 0.0]})]
        runs.append((config, cases))
    runs.append((SD15 | {"interpolation_type": "log_linear"}, [("euler", 7, 0, whole)]))
    runs.append((SD15 | {"timestep_spacing": "leading"}, [("euler", 3, 0, {"sigmas": [14.6, 3.5, 1.2, 0.0]})]))
    flow = [("flow-euler", 4, 0, {"sigmas": [1.0, 0.8, 0.35, 0.02]}), ("flow-euler", 5, 2, fractional), ("flow-euler", 7, 0, whole)]
    runs += [({}, flow), ({"shift": 3.0}, flow), ({"shift_terminal": 0.1}, flow)]
    return [{"config": config, "cases": [run(kind, config, *asked) for kind, *asked in cases]} for config, cases in runs]


def of_class(name, groups):
    """The cases of one class, and the groups that have some."""
    groups = [group | {"cases": [c for c in group["cases"] if KINDS[c["kind"]][0] == name]} for group in groups]
    return [group for group in groups if group["cases"]]


def every_step_count():
    """Of every step count the timesteps, weighted by their place and summed."""
    found = []
    for kind in ("ddpm", "ddim", "plms", "pndm-prk", "euler", "euler-a", "heun", "lms", "unipc", "deis", "dpm++2m", "dpm++2s"):
        for spacing in ("linspace", "leading", "trailing"):
            config = SD15 | {"timestep_spacing": spacing}
            sums = []
            for steps in range(4, 301):
                timesteps = [float(t) for t in build(kind, config, steps).timesteps if t >= 0]
                sums.append(sum((i + 1) * t for i, t in enumerate(timesteps)))
            found.append({"kind": kind, "spacing": spacing, "first": 4, "sums": sums})
    return found


def resolved():
    """What Diffusers prints as the configuration in force."""
    found = []
    for kind in KINDS:
        scheduler = from_config(kind, SD15 | {"a_key_of_tomorrow": [1, 2]})
        text = scheduler.to_json_string().replace(": -Infinity", ': "-Infinity"')
        config = json.loads(text)
        config.pop("_diffusers_version")
        found.append({"kind": kind, "config": config})
    return found


def write(path, sections):
    """One line a case, so that a change shows."""
    parts = []
    for key, value in sections.items():
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in value)
        parts.append(f'"{key}": [\n{lines}\n]')
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


# Why upstream's expectations are left out, by the file of the test.
LEFT_OUT = {
    "test_scheduler_consistency_model.py": "consistency models other than latent ones: no checkpoint of Stable Diffusion's kind asks for the class",
    "test_scheduler_ddim_inverse.py": "runs from a picture to its noise, which no task here needs",
    "test_scheduler_dpm_multi_inverse.py": "runs from a picture to its noise, which no task here needs",
    "test_scheduler_ddim_parallel.py": "DDIM for several steps at a time: its pictures are DDIM's",
    "test_scheduler_ddpm_parallel.py": "DDPM for several steps at a time: its pictures are DDPM's",
    "test_scheduler_dpm_sde.py": "expects torchsde's noise; ours is of the picture's own generator",
    "test_scheduler_score_sde_ve.py": "for unconditional models of score SDE, which Diffusers keeps as deprecated",
    "test_scheduler_unclip.py": "for the prior and the decoder of unCLIP, another kind of model",
}
ONE_DIMENSIONAL = "the same runs on samples without a width: samples are pictures here"


def expectations(path):
    """Upstream's expectations of the classes that we have, and the other cases with the reason why not."""
    cases = json.loads(pathlib.Path(path).read_text())["cases"]
    ours, left_out = [], []
    for case in cases:
        reason = ONE_DIMENSIONAL if "1D" in case["test"] else LEFT_OUT.get(case["file"])
        # A case is kept only for a class that we have, and left out only for a reason.
        assert reason or case["scheduler"] in CLASSES, case["test"]
        if reason:
            left_out.append({"file": case["file"], "test": case["test"], "reason": reason})
            continue
        order = getattr(diffusers, case["scheduler"]).order
        if case["scheduler"] == "SASolverScheduler":
            # The others are those of other devices, whose noise is another.
            for key in ("expected_sum", "expected_mean"):
                case[key] = case[key][:1]
        case["steps"] = case["num_inference_steps"] or -(-case["set_timesteps_len"] // order)
        ours.append(case)
    keep = ("test", "scheduler", "config_non_default", "steps", "t_start")
    keep += ("expected_sum", "expected_mean", "tol_sum", "tol_mean")
    ours = [{key: case[key] for key in keep} for case in ours]
    write(HERE / "expectations.json", {"cases": ours, "left_out": left_out})


if len(sys.argv) > 1:
    expectations(sys.argv[1])
groups = matrix() + special() + others() + asked()
for name in CLASSES:
    write(HERE / "runs" / f"{name}.json", {"runs": of_class(name, groups)})
write(HERE / "schedulers.json", {"every_step_count": every_step_count(), "resolved": resolved()})
write(HERE / "options.json", {"cases": options()})
