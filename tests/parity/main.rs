//! Comparisons with Diffusers and torch: goldens lie in `tests/golden`, each beside the script that made it.

mod model_files;
