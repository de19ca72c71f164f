//! The weights of the values of a function in the integral of the polynomial through them, which multistep methods are
//! made of.

/// The weights of values at different `places` in the integral of the polynomial through them. `moments` are the
/// integrals of 1, x, x^2 and so on.
pub(super) fn lagrange(places: &[f64], moments: &[f64]) -> Vec<f64> {
    let weight = |(at, place): (usize, &f64)| {
        // The coefficients of the polynomial that is 1 at this place and 0 at the others, lowest first.
        let mut polynomial = vec![1.0];
        for (_, other) in places.iter().enumerate().filter(|(other, _)| *other != at) {
            let mut next = vec![0.0; polynomial.len() + 1];
            for (power, coefficient) in polynomial.iter().enumerate() {
                next[power] -= coefficient * other / (place - other);
                next[power + 1] += coefficient / (place - other);
            }
            polynomial = next;
        }
        polynomial.iter().zip(moments).map(|(coefficient, moment)| coefficient * moment).sum()
    };
    places.iter().enumerate().map(weight).collect()
}
