// The chart: scales, ticks and marks of what is seen. It draws what it is given and decides nothing.

const MARGIN = { top: 10, right: 20, bottom: 40, left: 62 };
const DASHES = ['', '', '', '6 2', '2.5 2', '7 2 2 2'];

/** Round numbers from `low` to `high`, about `count` of them. */
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  if (!(step > 0) || !Number.isFinite(step)) return [];
  const from = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(high / step + 1e-9) - from + 1) }, (_, at) => (from + at) * step);
}

/** Powers of ten, with twos and fives where there are few of them; round numbers where there is no power between. */
function logTicks(low, high) {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.ceil((last - first) / 8);
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = first; power <= last; power += every) found.push(...factors.map((factor) => factor * 10 ** power));
  const inside = found.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  return inside.length > 2 ? inside : ticks(low, high, 4);
}

/** From numbers to places; `log` bends it. */
function scale(low, high, from, to, log) {
  const bend = log ? Math.log : (x) => x;
  const [start, span] = [bend(low), bend(high) - bend(low) || 1];
  return (x) => from + ((bend(x) - start) / span) * (to - from);
}

/** The places of a series within the view, one more on either side so that lines leave the frame. */
function within(places, [from, to]) {
  const first = Math.max(0, nearest(places, from) - 1);
  return [first, Math.min(places.length - 1, nearest(places, to) + 1)];
}

/** What the visible part of the lines reaches from and to, with room to breathe. */
function reach(lines, range, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const { series } of lines) {
    const [first, last] = within(series.places, range);
    for (let at = first; at <= last; at++) {
      if (series.low[at] < low) low = series.low[at];
      if (series.high[at] > high) high = series.high[at];
    }
  }
  if (!(low <= high)) return null;
  if (low === high) return log ? [low / 2, high * 2] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  const room = log ? (high / low) ** 0.04 : (high - low) * 0.04;
  return log ? [low / room, high * room] : [low - (low >= 0 ? Math.min(room, low) : room), high + room];
}

/** A path through numbers; a gap where there is none. */
function path(places, numbers, [first, last], x, y) {
  let text = '';
  let pen = 'M';
  for (let at = first; at <= last; at++) {
    if (Number.isNaN(numbers[at])) { pen = 'M'; continue; }
    text += `${pen}${x(places[at]).toFixed(1)} ${y(numbers[at]).toFixed(1)}`;
    pen = 'L';
  }
  return text;
}

/** The area between two series: forth along one, back along the other. */
function area({ places, low, high }, [first, last], x, y) {
  const seen = [];
  for (let at = first; at <= last; at++) if (!Number.isNaN(low[at])) seen.push(at);
  const point = (numbers) => (at) => `${x(places[at]).toFixed(1)} ${y(numbers[at]).toFixed(1)}`;
  return seen.length ? `M${[...seen.map(point(high)), ...seen.reverse().map(point(low))].join('L')}Z` : '';
}

/** Draws the chart anew and returns its scales; none if there is nothing to see. */
function drawChart(svg, size, view) {
  const { lines, range, log, singles, axis } = view;
  svg.replaceChildren();
  svg.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
  svg.setAttribute('height', size.height);
  const extent = reach(lines, range, log);
  if (!extent) {
    svg.append(draw('text', { class: 'nothing', x: size.width / 2, y: size.height / 2, 'text-anchor': 'middle' }, 'Choose an optimizer above'));
    return null;
  }
  const right = size.width - MARGIN.right;
  const bottom = size.height - MARGIN.bottom;
  const x = scale(range[0], range[1], MARGIN.left, right, false);
  const y = scale(extent[0], extent[1], bottom, MARGIN.top, log);
  const clip = draw('clipPath', { id: 'chart-clip' }, draw('rect', { x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: bottom - MARGIN.top }));
  const marks = draw('g', { 'clip-path': 'url(#chart-clip)' }, ...lines.flatMap((line) => lineMarks(line, range, x, y, singles)));
  const yTicks = log ? logTicks(...extent) : ticks(...extent, size.height / 70);
  svg.append(clip, ...yAxis(yTicks, y, right), ...xAxis(axis, range, x, bottom, size.width), marks);
  return { x, y, left: MARGIN.left, right, top: MARGIN.top, bottom };
}

function lineMarks({ arm, series }, range, x, y, singles) {
  const colour = `arm-${arm % 6}`;
  const seen = within(series.places, range);
  const marks = [draw('path', { class: `band ${colour}`, d: area(series, seen, x, y) })];
  if (singles) {
    const part = within(series.runPlaces, range);
    marks.push(...series.runs.map((run) => draw('path', { class: `run ${colour}`, d: path(series.runPlaces, run, part, x, y) })));
  }
  const d = path(series.places, series.median, seen, x, y);
  marks.push(draw('path', { class: `median ${colour}`, d, 'stroke-dasharray': DASHES[arm % 6] }));
  return marks;
}

function yAxis(all, y, right) {
  return all.flatMap((tick) => [
    draw('line', { class: 'gridline', x1: MARGIN.left, x2: right, y1: y(tick), y2: y(tick) }),
    draw('text', { x: MARGIN.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, tickText(tick)),
  ]);
}

/** The axis counts in steps or in epochs; places are always steps. */
function xAxis({ unit, name }, range, x, bottom, width) {
  const all = ticks(range[0] / unit, range[1] / unit, width / 110);
  const marks = all.flatMap((tick) => [
    draw('line', { class: 'gridline', x1: x(tick * unit), x2: x(tick * unit), y1: bottom, y2: bottom + 5 }),
    draw('text', { x: x(tick * unit), y: bottom + 19, 'text-anchor': 'middle' }, tickText(tick)),
  ]);
  const title = draw('text', { x: (x(range[0]) + x(range[1])) / 2, y: bottom + 36, 'text-anchor': 'middle' }, name);
  return [...marks, title];
}

/** A tick without digits that say nothing. */
function tickText(tick) {
  const size = Math.abs(tick);
  if (size >= 1e6 || (size > 0 && size < 1e-4)) {
    const [mantissa, exponent] = Number(tick.toPrecision(3)).toExponential().split('e');
    return `${mantissa}·10${raised(Number(exponent))}`.replace('-', '−');
  }
  return Number(tick.toPrecision(6)).toLocaleString('en', { maximumFractionDigits: 6 }).replace('-', '−');
}

