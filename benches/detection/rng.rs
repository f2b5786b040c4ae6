//! Randomness that a seed reproduces: splitmix64 (Steele, Lea and Flood, 2014), and the distributions of
//! the series.

#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The `n`th stream of a seed that is about `what`.
    pub fn of(seed: u64, what: &str, n: u64) -> Self {
        let mut rng = Self(seed);
        for byte in what.bytes() {
            rng.0 = rng.next() ^ u64::from(byte);
        }
        rng.0 = rng.next() ^ n;
        rng.next();
        rng
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// Above 0, 1 at most.
    pub fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// By Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let (r, turn) = ((-2.0 * self.unit().ln()).sqrt(), self.unit());
        r * (std::f64::consts::TAU * turn).cos()
    }

    /// With a median of 1.
    pub fn lognormal(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal()).exp()
    }

    /// With a median of 1.
    pub fn pareto(&mut self, alpha: f64) -> f64 {
        (2.0 * self.unit()).powf(-1.0 / alpha)
    }
}
