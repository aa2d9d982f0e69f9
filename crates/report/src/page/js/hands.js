// Hands on the chart: a mouse points, drags to zoom and moves with Shift; fingers point with one and zoom with two; keys do all of it.

function hands(svg, { view, change, read, stepAt, ready, scales, cross }) {
  const pointers = new Map();
  let drag = null;
  let pinch = null;

  svg.addEventListener('pointerdown', (event) => {
    if (!ready() || event.button > 0) return;
    pointers.set(event.pointerId, event.clientX);
    if (pointers.size === 2) {
      pinch = { steps: [...pointers.values()].map(stepAt), zoom: rangeOf(view) };
      drag = null;
    } else if (event.pointerType === 'mouse') {
      svg.setPointerCapture(event.pointerId);
      drag = { from: event.clientX, step: stepAt(event.clientX), moves: event.shiftKey, range: rangeOf(view) };
    }
    if (event.pointerType !== 'mouse') read(stepAt(event.clientX));
  });

  svg.addEventListener('pointermove', (event) => {
    if (!ready()) return;
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, event.clientX);
    if (pinch && pointers.size === 2) return pinched();
    if (drag?.moves) return moved(event);
    read(stepAt(event.clientX));
    if (drag) brush(drag.from, event.clientX);
  });

  /** Keeps both fingers on the steps that they took hold of. */
  function pinched() {
    const [a, b] = [...pointers.values()].sort((x, y) => x - y);
    const [p, q] = [...pinch.steps].sort((x, y) => x - y);
    if (b - a < 12 || q - p <= 0) return;
    const box = svg.getBoundingClientRect();
    const perPixel = (q - p) / (b - a);
    const from = p - (a - box.left - scales().left) * perPixel;
    change(() => zoomTo(view, from, from + (scales().right - scales().left) * perPixel));
  }

  function moved(event) {
    const perPixel = (drag.range[1] - drag.range[0]) / (scales().right - scales().left);
    const by = (drag.from - event.clientX) * perPixel;
    const [start, end] = whole(view);
    const kept = Math.min(Math.max(by, start - drag.range[0]), end - drag.range[1]);
    change(() => { if (view.zoom) view.zoom = drag.range.map((step) => step + kept); });
  }

  function brush(from, to) {
    const box = svg.getBoundingClientRect();
    const inside = (clientX) => Math.min(scales().right, Math.max(scales().left, clientX - box.left));
    const [left, right] = [inside(Math.min(from, to)), inside(Math.max(from, to))];
    cross().append(draw('rect', { class: 'brush', x: left, y: scales().top, width: right - left, height: scales().bottom - scales().top }));
  }

  function ended(event) {
    pointers.delete(event.pointerId);
    if (pointers.size < 2) pinch = null;
    if (drag && event.type === 'pointerup' && !drag.moves && Math.abs(event.clientX - drag.from) > 6) {
      const steps = [drag.step, stepAt(event.clientX)].sort((a, b) => a - b);
      change(() => zoomTo(view, ...steps));
    }
    drag = null;
  }

  svg.addEventListener('pointerup', ended);
  svg.addEventListener('pointercancel', ended);
  svg.addEventListener('pointerleave', (event) => { if (event.pointerType === 'mouse' && !drag) read(null); });
  svg.addEventListener('dblclick', () => change(() => { view.zoom = null; }));
  svg.addEventListener('wheel', (event) => {
    const means = event.ctrlKey || event.metaKey || document.activeElement === svg;
    if (!ready() || !means) return;
    event.preventDefault();
    change(() => zoomAbout(view, stepAt(event.clientX), Math.exp(Math.max(-1, Math.min(1, event.deltaY / 200)))));
  }, { passive: false });
}

function keys(svg, { view, change, read, lines, cursor }) {
  const places = () => lines()[0]?.series.places ?? [0];
  const go = (by) => {
    const [from, to] = rangeOf(view);
    const all = places();
    const at = cursor() === null ? nearest(all, (from + to) / 2) : nearest(all, cursor()) + by;
    const step = all[Math.max(0, Math.min(all.length - 1, at))];
    if (step < from || step > to) change(() => { const by = step < from ? step - from : step - to; view.zoom = [from + by, to + by]; });
    read(step);
  };
  const centre = () => cursor() ?? (rangeOf(view)[0] + rangeOf(view)[1]) / 2;
  const acts = {
    ArrowLeft: (event) => go(event.shiftKey ? -10 : -1),
    ArrowRight: (event) => go(event.shiftKey ? 10 : 1),
    Home: () => read(places()[nearest(places(), rangeOf(view)[0])]),
    End: () => read(places()[nearest(places(), rangeOf(view)[1])]),
    '+': () => change(() => zoomAbout(view, centre(), 0.5)),
    '=': () => change(() => zoomAbout(view, centre(), 0.5)),
    '-': () => change(() => zoomAbout(view, centre(), 2)),
    '0': () => change(() => { view.zoom = null; }),
    Escape: () => change(() => { view.zoom = null; }),
  };
  svg.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in acts)) return;
    event.preventDefault();
    acts[event.key](event);
  });
  svg.addEventListener('blur', () => read(null));
}

