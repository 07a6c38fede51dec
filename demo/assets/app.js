// The page of the session demo: one small state machine over the JSON routes of the server.
//
// It never sees the session id (the cookie is HttpOnly) and never builds markup from data: whatever the server sends
// goes into the page as text.

const byId = (id) => document.getElementById(id);

const ui = {
  stage: byId('stage'),
  views: { boot: byId('view-boot'), out: byId('view-out'), in: byId('view-in') },
  dial: byId('dial'),
  ticks: [byId('ticks'), byId('ticks-live')],
  ringMask: byId('ring-mask'),
  countdown: byId('countdown'),
  dialIdle: byId('dial-idle'),
  dialLabel: byId('dial-label'),
  life: byId('life'),
  lifeArc: byId('life-arc'),
  lifeNote: byId('life-note'),
  bootTitle: byId('boot-title'),
  bootLead: byId('boot-lead'),
  retry: byId('retry'),
  outTitle: byId('out-title'),
  outLead: byId('out-lead'),
  loginForm: byId('login-form'),
  username: byId('username'),
  ttl: byId('ttl'),
  picks: [...document.querySelectorAll('.pick')],
  more: byId('more'),
  maxLifetime: byId('max-lifetime'),
  inTitle: byId('in-title'),
  pageViews: byId('page-views'),
  sessionId: byId('session-id'),
  refresh: byId('refresh'),
  increment: byId('increment'),
  rotate: byId('rotate'),
  ttlForm: byId('ttl-form'),
  newTtl: byId('new-ttl'),
  logout: byId('logout'),
  logoutEverywhere: byId('logout-everywhere'),
  panels: byId('panels'),
  hashRows: byId('hash-rows'),
  sessionsPanel: byId('sessions-panel'),
  sessionsTitle: byId('sessions-title'),
  sessionsReload: byId('sessions-reload'),
  sessions: byId('sessions'),
  sessionsNote: byId('sessions-note'),
  requests: byId('requests'),
  backendBadge: byId('backend-badge'),
  backend: byId('backend'),
  backendDescription: byId('backend-description'),
  toast: byId('toast'),
  message: byId('message'),
  messageClose: byId('message-close'),
  announcer: byId('announcer'),
};

/** Fields the store writes itself, in the order they are shown. */
const RESERVED = ['created_at', 'last_accessed_at', 'session_ttl', 'session_deadline', 'session_principal'];
const RING_LENGTH = 240; // the path length that the circles of the dial declare
const REQUEST_TIMEOUT_MS = 10_000;
const DEFAULT_RETRY_S = 2;
const PAGE_TITLE = document.title;
const SERVER_UNREACHABLE = 'The demo server cannot be reached. Is it still running?';

const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

const state = {
  view: 'boot',
  /** The last answer with a session, or null. */
  current: null,
  /** When the session runs out by what the server said last (Date.now() scale), or null if the key has no expiry. */
  expiresAt: null,
  /** The server's clock minus this browser's, in milliseconds. */
  clockOffset: 0,
  busy: false,
  /** No confirmation of an expiry is asked for before this time. */
  confirmNotBefore: 0,
  sessions: [],
  sessionsSupported: true,
};

// ---------------------------------------------------------------------------------------------------------------------
// Talking to the server

/**
 * Sends one request. Never rejects: a failed one has status 0.
 * @returns {Promise<{status: number, ok: boolean, data: object, retryAfter: number|null}>}
 */
async function request(method, path, form) {
  const started = performance.now();
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), REQUEST_TIMEOUT_MS);
  let answer = { status: 0, ok: false, data: {}, retryAfter: null };
  try {
    const response = await fetch(path, {
      method,
      body: form ? new URLSearchParams(form) : undefined,
      headers: { Accept: 'application/json' },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: abort.signal,
    });
    const text = await response.text();
    readServerClock(response.headers.get('date'));
    answer = {
      status: response.status,
      ok: response.ok,
      data: parseObject(text),
      retryAfter: parseRetryAfter(response.headers.get('retry-after')),
    };
  } catch {
    // No answer at all: the status stays 0.
  } finally {
    clearTimeout(timer);
  }
  if (path !== '/backend') logRequest(method, path, answer, performance.now() - started);
  return answer;
}

function parseObject(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}

function parseRetryAfter(header) {
  return header !== null && /^\d+$/.test(header.trim()) ? Number(header) : null;
}

/** The Date header has whole seconds, so only a real difference counts. */
function readServerClock(header) {
  const time = Date.parse(header ?? '');
  if (Number.isNaN(time)) return;
  const offset = time + 500 - Date.now();
  state.clockOffset = Math.abs(offset) > 2000 ? offset : 0;
}

/** Runs one action at a time: a second one is dropped, and every control is disabled until the first has ended. */
async function exclusively(action) {
  if (state.busy) return;
  const focused = document.activeElement;
  setBusy(true);
  try {
    await action();
  } finally {
    setBusy(false);
    // A control that was disabled while it had the focus has lost it: give it back.
    if (document.activeElement === document.body && focused instanceof HTMLElement && isShown(focused)) focused.focus();
  }
}

function setBusy(busy) {
  state.busy = busy;
  document.body.classList.toggle('busy', busy);
  for (const button of document.querySelectorAll('main button')) button.disabled = busy;
}

const isShown = (element) => element.isConnected && element.getClientRects().length > 0;

// ---------------------------------------------------------------------------------------------------------------------
// Messages

let messageTimer = 0;
let announceTimer = 0;

/** Shows a message. Confirmations go away by themselves; whatever the user must know stays until dismissed. */
function say(text, tone = 'info') {
  clearTimeout(messageTimer);
  clearTimeout(announceTimer);
  ui.toast.dataset.tone = tone;
  ui.toast.classList.toggle('shown', text !== '');
  if (text !== '' && text === ui.message.textContent) {
    // A live region announces changes only: the same message again needs a gap.
    ui.message.textContent = '';
    announceTimer = setTimeout(() => {
      ui.message.textContent = text;
    }, 60);
  } else {
    ui.message.textContent = text;
  }
  if (text !== '' && tone === 'ok') messageTimer = setTimeout(() => say(''), 8000);
}

/** For what repeats by itself: says nothing if it is on the screen already. */
function sayOnce(text, tone) {
  if (ui.message.textContent !== text) say(text, tone);
}

/** Explains a failed answer, and leaves the session view if the session is gone. */
function explainFailure(answer, { feature } = {}) {
  const { status, data } = answer;
  if (status === 0) {
    say(SERVER_UNREACHABLE, 'error');
  } else if (status === 503) {
    const seconds = answer.retryAfter ?? DEFAULT_RETRY_S;
    const kept = state.current ? ' your session is kept,' : '';
    say(`The session store cannot be reached;${kept} try again in ${seconds} s.`, 'error');
  } else if (status === 401) {
    leave(endReason(), data.error);
  } else if (status === 404 && feature) {
    for (const element of feature) element.hidden = true;
    say('This server does not offer that.', 'info');
  } else {
    say(errorText(answer), 'error');
  }
}

function errorText({ status, data }) {
  return data.error ? String(data.error) : `The server gave an unexpected answer (${status}).`;
}

// ---------------------------------------------------------------------------------------------------------------------
// Views

function show(view) {
  const before = state.view;
  const hadFocus = document.activeElement === document.body || ui.stage.contains(document.activeElement) ||
    ui.panels.contains(document.activeElement);
  state.view = view;
  ui.stage.dataset.view = view;
  for (const [name, element] of Object.entries(ui.views)) element.hidden = name !== view;
  ui.refresh.hidden = view !== 'in';
  ui.panels.hidden = view !== 'in';
  ui.countdown.hidden = view !== 'in';
  ui.dialIdle.hidden = view === 'in';
  if (before !== view && before !== 'boot' && hadFocus) {
    ui.views[view].querySelector('h1').focus({ preventScroll: true });
    window.scrollTo({ top: 0, behavior: reducedMotion.matches ? 'auto' : 'smooth' });
  }
}

const OUT_TEXTS = {
  fresh: () => [
    'The session stays on the server',
    'Pick a name and how long the session may rest unused. Then watch it run out, or keep it alive.',
  ],
  expired: (name, ttl) => [
    `${name}’s session has expired`,
    `Nobody used it for ${duration(ttl)}, so the server forgot it, fields and all. Start a new one when you like.`,
  ],
  lifetime: (name) => [
    `${name}’s session has expired`,
    'It reached its maximum lifetime, which no use extends. Start a new one when you like.',
  ],
  gone: (name) => [
    `${name}’s session has ended`,
    'Something outside this page ended it: a logout, a revocation or a shorter TTL from another tab or browser, or a restart of the server.',
  ],
  logout: (name) => [
    `Goodbye, ${name}`,
    'The server has deleted the session, and the cookie is cleared. The old id is worth nothing now.',
  ],
  everywhere: (name) => [
    `Goodbye, ${name}`,
    'Every session of this name is deleted, on every browser.',
  ],
};

/** Shows the sign-in view and says why. */
function leave(reason, serverText) {
  const name = state.current?.session?.username || 'This';
  const ttl = Number(state.current?.configured_ttl) || 0;
  const known = state.current !== null || reason === 'fresh';
  const [title, lead] = known
    ? OUT_TEXTS[reason](name, ttl)
    : ['No session', 'The server has no session for this browser. Start a new one.'];
  ui.outTitle.textContent = title;
  ui.outLead.textContent = lead;
  if (state.current) {
    ui.username.value = state.current.session?.username ?? '';
    setTtlField(String(ttl || 60));
  }
  state.current = null;
  state.expiresAt = null;
  state.sessions = [];
  stopClock();
  const over = reason === 'expired' || reason === 'lifetime';
  paintIdleDial(over);
  show('out');
  document.title = over ? `Expired · ${PAGE_TITLE}` : PAGE_TITLE;
  if (over) {
    say(reason === 'lifetime' ? 'Session expired: it reached its maximum lifetime.' : 'Session expired.', 'warn');
  } else if (reason === 'gone') {
    say(serverText ? `${serverText}.` : 'This session was ended elsewhere.', 'warn');
  } else if (reason === 'logout') {
    say('Logged out.', 'ok');
  } else if (reason === 'everywhere') {
    say('Logged out everywhere.', 'ok');
  }
}

/** Why a session is gone: its time was up as far as this page knew, or something else has ended it. */
function endReason() {
  const left = remainingMs();
  if (left === null || left > 1500) return 'gone';
  const deadline = sessionDeadline();
  return deadline !== null && deadline - serverNow() < 1500 ? 'lifetime' : 'expired';
}

/** Takes over what the server says about the session. */
function adopt(data) {
  const previous = state.current;
  const ttl = Number(data.ttl);
  const now = Date.now();
  state.current = data;
  if (data.ttl === null || data.ttl === undefined || !Number.isFinite(ttl)) {
    state.expiresAt = null;
  } else {
    // The server rounds up to whole seconds; a difference below one is no news and would only make the dial jump.
    const expiresAt = now + ttl * 1000;
    const same = previous && state.expiresAt !== null &&
      previous.session?.last_accessed_at === data.session?.last_accessed_at &&
      previous.configured_ttl === data.configured_ttl && Math.abs(expiresAt - state.expiresAt) < 1000;
    if (!same) state.expiresAt = expiresAt;
  }
  renderSession(previous);
  if (state.view !== 'in') show('in');
  startClock();
}

function renderSession(previous) {
  const { session_id: id, configured_ttl: configured } = state.current;
  const session = state.current.session ?? {};
  ui.inTitle.textContent = session.username ?? 'Guest';
  setText(ui.pageViews, session.page_views ?? '0', previous !== null);
  setText(ui.sessionId, id ?? '', previous !== null);
  if (!previous || (previous.configured_ttl !== configured && document.activeElement !== ui.newTtl)) {
    ui.newTtl.value = String(configured);
  }
  renderHash(session, previous !== null);
  const mine = state.sessions.find((entry) => entry.current);
  if (mine && session.last_accessed_at && mine.last_accessed_at !== session.last_accessed_at) {
    mine.last_accessed_at = session.last_accessed_at;
    const time = ui.sessions.querySelector('[data-current] .used');
    if (time) setTime(time, session.last_accessed_at);
  }
}

/** Sets a text, and lets the element light up once if that changed it. */
function setText(element, text, highlight) {
  if (element.textContent === String(text)) return;
  element.textContent = String(text);
  if (highlight) flash(element);
}

function flash(element) {
  element.classList.remove('flash');
  void element.offsetWidth; // restarts the animation
  element.classList.add('flash');
}

function renderHash(session, highlight) {
  const own = Object.keys(session).filter((name) => !RESERVED.includes(name) && name !== 'ttl');
  const first = ['username', 'page_views'].filter((name) => own.includes(name));
  const names = [
    ...first,
    ...own.filter((name) => !first.includes(name)).sort(),
    ...RESERVED.filter((name) => name in session),
    ...('ttl' in session ? ['ttl'] : []),
  ];
  const rows = new Map([...ui.hashRows.children].map((row) => [row.dataset.field, row]));
  const wanted = names.map((name) => {
    const row = rows.get(name) ?? hashRow(name);
    if (name !== 'ttl') {
      const value = row.querySelector('.hash-value');
      if (value.textContent !== String(session[name])) {
        value.textContent = String(session[name]);
        if (highlight) flash(row);
      }
    }
    if (name === 'session_deadline') {
      setTime(row.querySelector('.hash-aside time'), Number(session[name]));
    }
    return row;
  });
  ui.hashRows.replaceChildren(...wanted);
}

function hashRow(name) {
  const row = element('tr');
  row.dataset.field = name;
  // The roles stay even where a narrow screen lays the table out as blocks.
  row.setAttribute('role', 'row');
  const head = element('th', 'hash-name');
  head.scope = 'row';
  head.setAttribute('role', 'rowheader');
  head.append(element('code', '', name));
  if (RESERVED.includes(name)) head.append(' ', element('span', 'badge', 'reserved'));
  if (name === 'ttl') head.append(' ', element('span', 'badge badge-key', 'key expiry'));
  const cell = element('td');
  cell.setAttribute('role', 'cell');
  cell.append(element('code', 'hash-value'));
  if (name === 'ttl') row.dataset.testid = 'hash-ttl';
  if (name === 'session_deadline') {
    const aside = element('span', 'hash-aside');
    aside.append(element('time'));
    cell.append(' ', aside);
  }
  row.append(head, cell);
  return row;
}

function element(tag, className = '', text = '') {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

// ---------------------------------------------------------------------------------------------------------------------
// Time

const serverNow = () => Date.now() + state.clockOffset;

function sessionDeadline() {
  const value = Number(state.current?.session?.session_deadline);
  return Number.isFinite(value) && value > 0 ? value : null;
}

function duration(seconds) {
  const s = Math.max(0, Math.ceil(seconds));
  const two = (big, unit, small, smallUnit) => (small ? `${big} ${unit} ${small} ${smallUnit}` : `${big} ${unit}`);
  if (s < 60) return `${s} s`;
  if (s < 3600) return two(Math.floor(s / 60), 'min', s % 60, 's');
  if (s < 86400) return two(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
  return two(Math.floor(s / 86400), 'd', Math.floor((s % 86400) / 3600), 'h');
}

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** Fills a <time>: the clock time today, with the date on other days. */
function setTime(node, text) {
  const date = new Date(text ?? '');
  if (Number.isNaN(date.getTime())) {
    node.textContent = String(text ?? '');
    return;
  }
  const today = date.toDateString() === new Date().toDateString();
  node.dateTime = date.toISOString();
  node.textContent = (today ? clockFormat : dayFormat).format(date);
}

let ticker = 0;
let frame = 0;
let shownFraction = 0;
let lastFrame = 0;
let shownSeconds = null;

function startClock() {
  if (ticker === 0) ticker = setInterval(tick, 200);
  if (frame === 0 && !reducedMotion.matches) {
    lastFrame = performance.now();
    frame = requestAnimationFrame(animate);
  }
  tick();
}

function stopClock() {
  clearInterval(ticker);
  cancelAnimationFrame(frame);
  ticker = 0;
  frame = 0;
  shownSeconds = null;
}

/** Long numbers are set smaller. */
const lengthClass = (text) => (text.length > 6 ? 'xl' : text.length > 4 ? 'l' : text.length > 3 ? 'm' : 's');

const remainingMs = () => (state.expiresAt === null ? null : Math.max(0, state.expiresAt - Date.now()));

/** Whole seconds, rounded up as the server does. */
function tick() {
  const left = remainingMs();
  const configured = Number(state.current.configured_ttl) || 1;
  const seconds = left === null ? null : Math.ceil(left / 1000);
  if (seconds !== shownSeconds) {
    const before = shownSeconds;
    shownSeconds = seconds;
    const text = seconds === null ? '–' : String(seconds);
    ui.countdown.textContent = text;
    ui.countdown.dataset.length = lengthClass(text);
    ui.dialLabel.textContent = seconds === null ? 'without expiry'
      : `${seconds === 1 ? 'second' : 'seconds'} left of ${configured < 3600 ? configured : duration(configured)}`;
    const value = ui.hashRows.querySelector('[data-field="ttl"] .hash-value');
    if (value) value.textContent = text;
    document.title = seconds === null ? PAGE_TITLE : `${seconds} s left · ${PAGE_TITLE}`;
    if (seconds === 10 && before === 11 && configured >= 20) ui.announcer.textContent = 'The session expires in 10 seconds.';
    else if (seconds !== null && seconds > 10) ui.announcer.textContent = '';
    paintLevel(seconds, configured);
    paintLifetime();
  }
  if (reducedMotion.matches) paintRing(seconds === null ? 1 : seconds / configured);
  if (left === 0) confirmExpiry();
}

/** The face of the dial: sixty ticks, the first at twelve o'clock. */
function drawTicks() {
  const point = (angle, radius) => `${(160 + radius * Math.sin(angle)).toFixed(2)} ${(160 - radius * Math.cos(angle)).toFixed(2)}`;
  let path = '';
  for (let i = 0; i < 60; i += 1) {
    const angle = (i * Math.PI) / 30;
    path += `M${point(angle, 115)}L${point(angle, 138)}`;
  }
  for (const ticks of ui.ticks) ticks.setAttribute('d', path);
}

/** Draws the ring down smoothly, and up again quickly when the session was used. */
function animate(now) {
  frame = requestAnimationFrame(animate);
  const left = remainingMs();
  const configured = (Number(state.current.configured_ttl) || 1) * 1000;
  const target = left === null ? 1 : Math.min(1, left / configured);
  const step = Math.min(1, ((now - lastFrame) / 1000) * 9);
  lastFrame = now;
  paintRing(target - shownFraction > 0.002 ? shownFraction + (target - shownFraction) * step : target);
}

function paintRing(fraction) {
  shownFraction = Math.min(1, Math.max(0, fraction));
  const dash = `${(shownFraction * RING_LENGTH).toFixed(1)} ${2 * RING_LENGTH}`;
  if (ui.ringMask.getAttribute('stroke-dasharray') !== dash) ui.ringMask.setAttribute('stroke-dasharray', dash);
}

function paintLevel(seconds, configured) {
  const fraction = seconds === null ? 1 : seconds / configured;
  ui.dial.dataset.level = seconds === 0 ? 'over' : fraction <= 0.2 ? 'low' : fraction <= 0.45 ? 'mid' : 'full';
}

/** The outer arc: the absolute lifetime, which use does not refill. */
function paintLifetime() {
  const deadline = sessionDeadline();
  ui.life.toggleAttribute('hidden', deadline === null);
  ui.lifeNote.hidden = deadline === null;
  if (deadline === null) return;
  const left = Math.max(0, deadline - serverNow());
  const born = Date.parse(state.current.session.created_at ?? '');
  const whole = Number.isNaN(born) ? left : Math.max(1, deadline - born);
  ui.lifeArc.setAttribute('stroke-dasharray', `${(Math.min(1, left / (whole || 1)) * RING_LENGTH).toFixed(1)} ${2 * RING_LENGTH}`);
  ui.lifeNote.textContent = `Ends for good in ${duration(left / 1000)}`;
}

/** The dial without a session: the chosen TTL, or the empty ring of a session that has just run out. */
function paintIdleDial(over = false) {
  const chosen = ui.ttl.value.trim();
  const text = over ? '0' : /^\d{1,10}$/.test(chosen) ? chosen : '–';
  ui.dial.dataset.level = over ? 'over' : 'off';
  ui.dialIdle.textContent = text;
  ui.dialIdle.dataset.length = lengthClass(text);
  ui.dialLabel.textContent = over ? 'expired' : text === '1' ? 'second' : 'seconds';
  ui.life.toggleAttribute('hidden', true);
  ui.lifeNote.hidden = true;
  paintRing(over ? 0 : 1);
}

// ---------------------------------------------------------------------------------------------------------------------
// Looking without touching

/** At zero the server has the last word: another tab may have used the session meanwhile. */
function confirmExpiry() {
  if (state.busy || Date.now() < state.confirmNotBefore) return;
  state.confirmNotBefore = Date.now() + 1000;
  exclusively(async () => {
    const answer = await request('GET', '/session?peek=1');
    if (answer.ok && answer.data.authenticated) {
      adopt(answer.data);
    } else if (answer.ok || answer.status === 401) {
      leave(endReason());
    } else {
      const seconds = Math.max(1, answer.retryAfter ?? DEFAULT_RETRY_S);
      state.confirmNotBefore = Date.now() + seconds * 1000;
      const who = answer.status === 503 ? 'session store' : 'demo server';
      sayOnce(`The ${who} cannot be reached; whether this session has expired is asked again in ${seconds} s.`, 'error');
    }
  });
}

/** Another tab may have signed in, used the session or logged out while this one was hidden. */
function peekOnReturn() {
  if (document.visibilityState !== 'visible' || state.view === 'boot') return;
  exclusively(async () => {
    const answer = await request('GET', '/session?peek=1');
    if (answer.ok && answer.data.authenticated) {
      const entered = state.view !== 'in';
      adopt(answer.data);
      if (entered) {
        say('');
        await loadSessions();
      }
    } else if ((answer.ok || answer.status === 401) && state.current) {
      leave(endReason());
    }
    // A failed look changes nothing; the next action will say so.
  });
}

// ---------------------------------------------------------------------------------------------------------------------
// Actions

let bootTimer = 0;

async function boot() {
  clearTimeout(bootTimer);
  await exclusively(async () => {
    const answer = await request('GET', '/session');
    if (answer.ok && answer.data.authenticated) {
      adopt(answer.data);
      await loadSessions();
    } else if (answer.ok || answer.status === 401) {
      leave(answer.status === 401 ? 'gone' : 'fresh', answer.data.error);
    } else {
      const seconds = Math.max(1, answer.retryAfter ?? DEFAULT_RETRY_S);
      ui.bootTitle.textContent = answer.status === 0 ? 'The server does not answer' : 'The session store does not answer';
      ui.bootLead.textContent = `If this browser has a session, it is kept. Trying again every ${duration(seconds)}.`;
      ui.retry.hidden = false;
      if (answer.status === 0) sayOnce(SERVER_UNREACHABLE, 'error');
      else if (answer.status === 503) sayOnce('The session store cannot be reached.', 'error');
      else sayOnce(errorText(answer), 'error');
      bootTimer = setTimeout(boot, seconds * 1000);
      return;
    }
    if (ui.toast.dataset.tone === 'error') say('');
  });
}

async function showBackend() {
  const { ok, data } = await request('GET', '/backend');
  if (!ok || !data.backend) return;
  ui.backend.textContent = String(data.backend);
  ui.backendBadge.hidden = false;
  const hashed = data.ids_hashed ? ' Ids are hashed at rest.' : '';
  if (data.description || hashed) {
    ui.backendDescription.textContent = `${String(data.description ?? '').trim()}${hashed}`.trim();
    ui.backendDescription.hidden = false;
  }
}

/** An action on the session: sends it, takes over the answer, and says what happened. */
function act(path, { form, done, feature, failed, method = 'POST' }) {
  return exclusively(async () => {
    const answer = await request(method, path, form);
    if (!answer.ok) {
      explainFailure(answer, { feature });
      if (answer.status === 400) failed?.(answer);
      return;
    }
    if (answer.data.authenticated === false) {
      leave(endReason());
      return;
    }
    const before = state.current;
    adopt(answer.data);
    say(done(answer.data, before), 'ok');
    if (before === null || before.session_id !== answer.data.session_id) await loadSessions();
  });
}

function markInvalid(input, invalid) {
  if (invalid) {
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-errormessage', 'message');
  } else {
    input.removeAttribute('aria-invalid');
    input.removeAttribute('aria-errormessage');
  }
}

function setTtlField(value) {
  ui.ttl.value = value;
  markInvalid(ui.ttl, false);
  for (const pick of ui.picks) pick.setAttribute('aria-pressed', String(pick.dataset.ttl === value.trim()));
}

for (const pick of ui.picks) {
  pick.addEventListener('click', () => {
    setTtlField(pick.dataset.ttl);
    paintIdleDial();
  });
}

ui.ttl.addEventListener('input', () => {
  setTtlField(ui.ttl.value);
  paintIdleDial();
});
for (const input of [ui.maxLifetime, ui.newTtl]) input.addEventListener('input', () => markInvalid(input, false));

ui.loginForm.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = { username: ui.username.value };
  const ttl = ui.ttl.value.trim();
  const lifetime = ui.maxLifetime.value.trim();
  if (ttl !== '') form.ttl = ttl;
  if (lifetime !== '') form.max_lifetime = lifetime;
  act('/login', {
    form,
    done: (data) => `Signed in. The session expires after ${duration(Number(data.configured_ttl))} without use.`,
    failed: ({ data }) => {
      const input = /lifetime/i.test(data.error ?? '') ? ui.maxLifetime : /ttl/i.test(data.error ?? '') ? ui.ttl : null;
      if (!input) return;
      if (input === ui.maxLifetime) ui.more.open = true;
      markInvalid(input, true);
      input.focus();
    },
  });
});

ui.refresh.addEventListener('click', () => act('/session', {
  method: 'GET',
  done: (data) => (Number(data.ttl) < Number(data.configured_ttl) - 1
    ? `Session used, but its maximum lifetime leaves only ${duration(Number(data.ttl))}.`
    : `Session used: ${duration(Number(data.ttl))} left again.`),
}));

ui.increment.addEventListener('click', () => act('/increment', {
  form: {},
  done: (data) => `Page view ${data.page_views ?? data.session.page_views} counted.`,
}));

ui.rotate.addEventListener('click', () => act('/rotate', {
  form: {},
  feature: [ui.rotate],
  done: (data) => `The session has a new id, ${data.session_id}. The old one is dead.`,
}));

ui.ttlForm.addEventListener('submit', (event) => {
  event.preventDefault();
  act('/ttl', {
    form: { ttl: ui.newTtl.value.trim() },
    done: (data) => `The session now expires after ${duration(Number(data.configured_ttl))} without use.`,
    failed: () => {
      markInvalid(ui.newTtl, true);
      ui.newTtl.focus();
    },
  });
});

function leaveBy(path, reason, feature) {
  return exclusively(async () => {
    const answer = await request('POST', path, {});
    if (answer.ok) leave(reason);
    else explainFailure(answer, { feature });
  });
}

ui.logout.addEventListener('click', () => leaveBy('/logout', 'logout'));
ui.logoutEverywhere.addEventListener('click', () => leaveBy('/logout-everywhere', 'everywhere', [ui.logoutEverywhere]));
ui.retry.addEventListener('click', boot);
ui.messageClose.addEventListener('click', () => {
  say('');
  const heading = ui.views[state.view].querySelector('h1');
  heading.focus({ preventScroll: true });
});
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && ui.message.textContent !== '') say('');
});
document.addEventListener('visibilitychange', peekOnReturn);
window.addEventListener('pageshow', (event) => {
  if (event.persisted) peekOnReturn();
});
reducedMotion.addEventListener('change', () => {
  cancelAnimationFrame(frame);
  frame = 0;
  if (state.current) startClock();
});

// ---------------------------------------------------------------------------------------------------------------------
// My sessions

/** Loads the list; call it within `exclusively`. Answers whether there is one. */
async function loadSessions() {
  if (!state.sessionsSupported || !state.current) return false;
  const answer = await request('GET', '/sessions');
  if (answer.status === 404) {
    state.sessionsSupported = false;
    ui.sessionsPanel.hidden = true;
    return false;
  }
  if (!answer.ok) {
    explainFailure(answer);
    return false;
  }
  const list = Array.isArray(answer.data.sessions) ? answer.data.sessions : [];
  state.sessions = [...list].sort((a, b) => Number(Boolean(b.current)) - Number(Boolean(a.current)));
  renderSessions();
  return true;
}

function renderSessions() {
  ui.sessions.replaceChildren(...state.sessions.map(sessionItem));
  const others = state.sessions.filter((entry) => !entry.current).length;
  ui.sessionsNote.textContent = others === 0
    ? 'Sign in with the same name in another browser or a private window, and that session appears here.'
    : '';
  ui.sessionsNote.hidden = others !== 0;
}

function sessionItem(entry) {
  const item = element('li', 'session');
  item.dataset.testid = 'session-entry';
  if (entry.current) item.dataset.current = '';
  const text = element('div', 'session-text');
  const name = element('p', 'session-name');
  name.append(element('code', '', shorten(entry.handle)));
  if (entry.current) {
    const badge = element('span', 'badge badge-here', 'this browser');
    badge.dataset.testid = 'this-browser';
    name.append(' ', badge);
  }
  if (entry.device) name.append(' ', element('span', 'session-device', entry.device));
  const times = element('p', 'session-times');
  const created = element('time');
  const used = element('time', 'used');
  setTime(created, entry.created_at);
  setTime(used, entry.last_accessed_at);
  times.append('started ', created, ', used ', used);
  if (entry.login_at) {
    const login = element('time');
    setTime(login, entry.login_at);
    times.append(', logged in ', login);
  }
  text.append(name, times);
  item.append(text);
  if (!entry.current) {
    const button = element('button', 'button button-small button-danger', 'Revoke');
    button.type = 'button';
    button.dataset.testid = 'revoke';
    button.disabled = state.busy;
    button.setAttribute('aria-label', `Revoke session ${shorten(entry.handle)}`);
    button.addEventListener('click', () => revoke(entry.handle));
    item.append(button);
  }
  return item;
}

const shorten = (handle) => (String(handle).length > 10 ? `${String(handle).slice(0, 8)}…` : String(handle));

/** Listing and revoking may count as a use; a look afterwards keeps the dial true. */
async function peekAfterwards() {
  if (!state.current) return;
  const answer = await request('GET', '/session?peek=1');
  if (answer.ok && answer.data.authenticated) adopt(answer.data);
  else if (answer.ok || answer.status === 401) leave(endReason());
}

function revoke(handle) {
  return exclusively(async () => {
    const answer = await request('POST', '/sessions/revoke', { handle });
    if (!answer.ok) {
      explainFailure(answer);
      return;
    }
    say(answer.data.revoked === false ? 'That session had already ended.' : 'Session revoked: its id is dead from now on.', 'ok');
    if (await loadSessions()) await peekAfterwards();
    if (state.current) ui.sessionsTitle.focus({ preventScroll: true });
  });
}

ui.sessionsReload.addEventListener('click', () => exclusively(async () => {
  if (!(await loadSessions())) return;
  await peekAfterwards();
  const count = state.sessions.length;
  if (state.current) say(count === 1 ? 'One live session.' : `${count} live sessions.`, 'ok');
}));

// ---------------------------------------------------------------------------------------------------------------------
// Latest requests

function logRequest(method, path, answer, ms) {
  const item = element('li', 'request');
  const status = answer.status === 0 ? 'failed' : String(answer.status);
  const code = element('span', 'request-status', status);
  code.dataset.kind = answer.ok ? 'ok' : answer.status === 0 || answer.status >= 500 ? 'error' : 'warn';
  item.append(
    element('span', 'request-method', method),
    ' ',
    element('code', 'request-path', path),
    ' ',
    code,
    ' ',
    element('span', 'request-ms', `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`),
  );
  ui.requests.prepend(item);
  while (ui.requests.children.length > 6) ui.requests.lastElementChild.remove();
}

// ---------------------------------------------------------------------------------------------------------------------

drawTicks();
setTtlField(ui.ttl.value); // a reload may have kept what was typed
showBackend();
boot();
