// What is seen of the series: the choices, the part that is zoomed into, and both as the address' fragment, so that a view can be sent.

/** A view of the data. Places along the axis are steps. */
function makeView(data) {
  const sizes = [...new Set(data.groups.map((group) => group.batch_size))].sort((a, b) => a - b);
  const signals = [...new Set(data.series.map((series) => series.signal))];
  const first = data.series.findIndex((series) => series.signal.endsWith('/gradient'));
  const start = data.series[Math.max(0, first)];
  return {
    data, sizes, signals,
    signal: start.signal,
    statistic: start.statistic,
    size: sizes.includes(100) ? 100 : sizes[0],
    hidden: new Set(),
    singles: false,
    log: false,
    epochs: false,
    zoom: null,
  };
}

function statisticsOf(view) {
  return view.data.series.filter((series) => series.signal === view.signal);
}

/** The place of the chosen series; of a signal without the chosen statistic, its first. */
function chosen(view) {
  const at = view.data.series.findIndex((series) => series.signal === view.signal && series.statistic === view.statistic);
  return at >= 0 ? at : view.data.series.findIndex((series) => series.signal === view.signal);
}

function groupsOf(view) {
  return view.data.groups.filter((group) => group.batch_size === view.size);
}

/** Every arm's line of the chosen series, whether it is shown or not. */
function linesOf(view) {
  const at = chosen(view);
  const line = (group) => ({ arm: group.arm, name: view.data.optimizers[group.arm], group, series: seriesOf(group, at) });
  return groupsOf(view).map(line).filter((each) => each.series);
}

function whole(view) {
  return [1, Math.max(2, ...groupsOf(view).map((group) => group.steps))];
}

function rangeOf(view) {
  return view.zoom ?? whole(view);
}

function unitOf(view) {
  return Math.max(1, groupsOf(view)[0]?.steps_per_epoch ?? 1);
}

/** Zooms to a range, kept inside the whole and not closer than a few points; the whole is no zoom. */
function zoomTo(view, from, to) {
  const [start, end] = whole(view);
  const points = Math.max(2, ...linesOf(view).map((line) => line.series.places.length));
  const least = Math.min(end - start, (4 * (end - start)) / points);
  const span = Math.min(end - start, Math.max(least, to - from));
  const first = Math.min(Math.max(start, (from + to - span) / 2), end - span);
  view.zoom = span >= (end - start) * 0.999 ? null : [first, first + span];
}

/** Zooms by a factor about a step that keeps its place. */
function zoomAbout(view, step, factor) {
  const [from, to] = rangeOf(view);
  zoomTo(view, step - (step - from) * factor, step + (to - step) * factor);
}

function toFragment(view) {
  const parts = new URLSearchParams({ series: `${view.signal}|${view.statistic}`, batch: view.size });
  if (view.epochs) parts.set('x', 'epoch');
  if (view.log) parts.set('log', '1');
  if (view.singles) parts.set('runs', '1');
  if (view.zoom) parts.set('zoom', view.zoom.map((step) => Math.round(step)).join('-'));
  if (view.hidden.size) parts.set('without', [...view.hidden].sort().join('.'));
  return `#explore?${parts}`;
}

/** Takes what a fragment says and the data have; anything else stays as it is. */
function fromFragment(view, fragment) {
  if (!fragment.startsWith('#explore?')) return false;
  const parts = new URLSearchParams(fragment.slice('#explore?'.length));
  const [signal, statistic] = (parts.get('series') ?? '').split('|');
  if (view.signals.includes(signal)) [view.signal, view.statistic] = [signal, statistic ?? ''];
  if (view.sizes.includes(Number(parts.get('batch')))) view.size = Number(parts.get('batch'));
  view.epochs = parts.get('x') === 'epoch';
  view.log = parts.get('log') === '1';
  view.singles = parts.get('runs') === '1';
  view.hidden = new Set((parts.get('without') ?? '').split('.').filter((arm) => arm !== '').map(Number));
  const [from, to] = (parts.get('zoom') ?? '').split('-').map(Number);
  view.zoom = null;
  if (from < to) zoomTo(view, from, to);
  return true;
}

