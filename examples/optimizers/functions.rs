//! Three functions of two numbers, as batches that an optimizer can ask.

use seismograd_optim::{Evaluation, EvaluationError, Objective, Tensor};
use seismograd_report::Landscape;

/// A function, its derivatives, and where paths begin.
pub struct Function {
    pub landscape: Landscape,
    pub start: [f32; 2],
    gradient: fn(f64, f64) -> [f64; 2],
    /// The diagonal of the matrix of second derivatives.
    curvature: fn(f64, f64) -> [f64; 2],
}

pub const ALL: [Function; 3] = [
    Function {
        landscape: Landscape {
            name: "a narrow tilted bowl",
            x: (-2.2, 1.6),
            y: (-1.7, 2.1),
            // Curvatures 20 and 1 along axes turned by 30 degrees.
            height: |x, y| {
                let (u, v) = turned(x, y);
                0.5 * (20.0 * u * u + v * v)
            },
            minima: &[(0.0, 0.0)],
        },
        start: [-1.5, 1.1],
        gradient: |x, y| {
            let (u, v) = turned(x, y);
            [20.0 * COS * u - SIN * v, 20.0 * SIN * u + COS * v]
        },
        curvature: |_, _| [20.0 * COS * COS + SIN * SIN, 20.0 * SIN * SIN + COS * COS],
    },
    Function {
        landscape: Landscape {
            name: "Rosenbrock's valley",
            x: (-2.0, 2.0),
            y: (-0.9, 3.1),
            height: |x, y| {
                let rest = y - x * x;
                (1.0 - x) * (1.0 - x) + 100.0 * rest * rest
            },
            minima: &[(1.0, 1.0)],
        },
        start: [-1.4, 1.2],
        gradient: |x, y| {
            let rest = y - x * x;
            [-2.0 * (1.0 - x) - 400.0 * x * rest, 200.0 * rest]
        },
        curvature: |x, y| [2.0 - 400.0 * (y - 3.0 * x * x), 200.0],
    },
    Function {
        landscape: Landscape {
            name: "Himmelblau's four minima",
            x: (-5.5, 5.5),
            y: (-5.5, 5.5),
            height: |x, y| {
                let (a, b) = (x * x + y - 11.0, x + y * y - 7.0);
                a * a + b * b
            },
            minima: &[(3.0, 2.0), (-2.805, 3.131), (-3.779, -3.283), (3.584, -1.848)],
        },
        start: [-0.5, -4.6],
        gradient: |x, y| {
            let (a, b) = (x * x + y - 11.0, x + y * y - 7.0);
            [4.0 * x * a + 2.0 * b, 2.0 * a + 4.0 * y * b]
        },
        curvature: |x, y| [12.0 * x * x + 4.0 * y - 42.0, 12.0 * y * y + 4.0 * x - 26.0],
    },
];

const COS: f64 = 0.866_025_403_784_438_6;
const SIN: f64 = 0.5;

fn turned(x: f64, y: f64) -> (f64, f64) {
    (COS * x + SIN * y, COS * y - SIN * x)
}

/// The function at the step's own parameters.
pub struct Batch<'a> {
    pub function: &'a Function,
    pub loss: f64,
}

impl Function {
    /// The loss and the gradient at a parameter of shape `[1, 2]`, which is a matrix to those who look for one.
    pub fn evaluate(&self, parameters: &[Tensor]) -> Evaluation {
        let [x, y] = place(parameters);
        let gradients = vec![tensor((self.gradient)(x, y))];
        Evaluation { loss: (self.landscape.height)(x, y), gradients, averaged_over: 1 }
    }
}

/// The place that a parameter stands for.
pub fn place(parameters: &[Tensor]) -> [f64; 2] {
    let [x, y] = *parameters[0].as_slice() else { panic!("two coordinates") };
    [f64::from(x), f64::from(y)]
}

/// A parameter at a place.
pub fn tensor([x, y]: [f64; 2]) -> Tensor {
    Tensor::new(&[1, 2], vec![x as f32, y as f32])
}

impl Objective for Batch<'_> {
    fn loss(&self) -> Result<f64, EvaluationError> {
        Ok(self.loss)
    }

    fn evaluate(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        Ok(self.function.evaluate(parameters))
    }

    /// There are no labels here: the gradient is the one whose square is the curvature, as it is in expectation where there are.
    fn evaluate_sampled_labels(&mut self, parameters: &[Tensor]) -> Result<Evaluation, EvaluationError> {
        let [x, y] = place(parameters);
        let roots = (self.function.curvature)(x, y).map(|curvature| curvature.abs().sqrt());
        Ok(Evaluation { gradients: vec![tensor(roots)], ..self.function.evaluate(parameters) })
    }
}
