// The explorer's data: digits to the base 64 back to numbers, and what is seen of a series between two places.

const DIGITS = new Uint8Array(128);
[...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].forEach((letter, at) => { DIGITS[letter.charCodeAt(0)] = at; });

/** The numbers of a text of `letters` digits each; the greatest code says that there is none. */
function unpack({ log, range: [low, high] }, text, letters) {
  const missing = 64 ** letters - 1;
  const numbers = new Float64Array(text.length / letters);
  for (let at = 0; at < numbers.length; at++) {
    let code = 0;
    for (let place = 0; place < letters; place++) code = 64 * code + DIGITS[text.charCodeAt(at * letters + place)];
    const scaled = low + (code / (missing - 1)) * (high - low);
    numbers[at] = code === missing ? NaN : log ? Math.exp(scaled) : scaled;
  }
  return numbers;
}

/** The steps of a bucket, counted from 1: the same cut as where the page was written. */
function stepsOf(bucket, count, steps) {
  return [Math.floor((bucket * steps) / count) + 1, Math.floor(((bucket + 1) * steps) / count)];
}

/** A group's series in numbers, each with its place in steps; made once. */
function seriesOf(group, at) {
  group.ready ??= [];
  if (group.series[at] && !group.ready[at]) {
    const packed = group.series[at];
    const median = unpack(packed, packed.median, 3);
    const [low, high, ...runs] = [packed.low, packed.high, ...packed.runs].map((text) => unpack(packed, text, 2));
    group.ready[at] = { median, low, high, runs, places: placesOf(median.length, group.steps), runPlaces: runPlaces(runs, group.steps) };
  }
  return group.ready[at];
}

/** The middle of each bucket, in steps. */
function placesOf(count, steps) {
  return Float64Array.from({ length: count }, (_, bucket) => {
    const [first, last] = stepsOf(bucket, count, steps);
    return (first + last) / 2;
  });
}

/** A run's numbers are its steps, or two a bucket. */
function runPlaces(runs, steps) {
  const count = runs[0]?.length ?? 0;
  return count >= steps ? placesOf(count, steps) : Float64Array.from({ length: count }, (_, at) => 1 + ((at + 0.5) / count) * (steps - 1));
}

/** The bucket whose middle is nearest to a step. */
function nearest(places, step) {
  let [low, high] = [0, places.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places[middle] < step) low = middle + 1; else high = middle;
  }
  return low > 0 && step - places[low - 1] < places[low] - step ? low - 1 : low;
}

/** A number in three digits, as the tables have it. */
function shown(value) {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) {
    const [mantissa, exponent] = value.toExponential(2).split('e');
    return `${mantissa}·10${raised(Number(exponent))}`.replace('-', '−');
  }
  return value.toLocaleString('en', { maximumSignificantDigits: 3, minimumSignificantDigits: 3 }).replace('-', '−');
}

function raised(exponent) {
  return [...String(exponent)].map((letter) => (letter === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[letter])).join('');
}

