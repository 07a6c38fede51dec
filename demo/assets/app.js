// The page of the session demo: what the JSON routes of the server return, as it changes.
//
// It never sees the session id (the cookie is HttpOnly) and never builds markup from data: whatever the server sends
// goes into the page as text.

const $ = (id) => document.getElementById(id);

/** Fields the store writes itself, in the order in which they are shown. */
const RESERVED = ['created_at', 'last_accessed_at', 'session_ttl', 'session_deadline', 'session_principal'];
const DEFAULT_RETRY_S = 2;
const TITLE = document.title;
const picks = [...document.querySelectorAll('[data-ttl]')];

/** The last reply with a session, or null. */
let current = null;
let expiresAt = null; // by what the server said last; null also where a session does not expire
let pending = null; // the action under way
let askNotBefore = 0; // how the session is, when the page is unsure
let events = null; // the stream that says when this session has ended
let [messageTimer, bootTimer] = [0, 0];

// ---- Talking to the server -----------------------------------------------------------------------------------------

/** Sends one request. Never rejects: a failed one has status 0. */
async function request(method, path, form) {
  try {
    const response = await fetch(path, {
      method,
      body: method === 'POST' ? new URLSearchParams(form) : undefined,
      signal: AbortSignal.timeout(10_000),
    });
    const retry = Number(response.headers.get('retry-after')) || DEFAULT_RETRY_S;
    return { status: response.status, ok: response.ok, data: await response.json(), retry };
  } catch {
    return { status: 0, ok: false, data: {}, retry: DEFAULT_RETRY_S };
  }
}

/** Runs one action at a time. Looks wait and are waited for; what a person starts during an action is dropped. */
async function run(action, isLook = false) {
  while (pending && (isLook || pending.isLook)) await pending;
  if (pending) return;
  document.body.classList.add('busy');
  pending = action().finally(() => {
    pending = null;
    document.body.classList.remove('busy');
  });
  pending.isLook = isLook;
  await pending;
}

/** Asks how the session is, which is no use of it: another tab or browser may have changed or ended it. */
function look(path = '/session?peek=1') {
  return run(async () => {
    const reply = await request('GET', path);
    askNotBefore = Date.now() + (reply.ok ? 1 : reply.retry) * 1000;
    if (reply.ok && $('toast').dataset.tone === 'error') say('');
    if (reply.ok) await adopt(reply.data);
    else explain(reply);
  }, true);
}

/** Opens the page, which is use of the session; again and again until the server replies. */
async function boot() {
  clearTimeout(bootTimer);
  await look('/session');
  if (document.body.dataset.view !== 'boot') return;
  $('retry').hidden = false;
  bootTimer = setTimeout(boot, askNotBefore - Date.now());
}

/** Learns when the session has ended, in whatever tab or browser: a log-out, its expiry, another log-in. */
function listen() {
  if (events && events.readyState !== EventSource.CLOSED) return;
  events = new EventSource('/events');
  events.addEventListener('end', ({ target }) => {
    target.close();
    look();
  });
}

/** An action on the session: sends it, takes over the reply, and says what has happened. */
function act(method, path, done, { form, input } = {}) {
  return run(async () => {
    const reply = await request(method, path, form);
    if (reply.ok) return adopt(reply.data, done);
    explain(reply);
    if (reply.status !== 400 || !input) return;
    const invalid = input(reply.data.error);
    invalid.ariaInvalid = 'true';
    invalid.focus();
  });
}

/** Says what has failed; without a session there is nothing more to show of it. */
function explain({ status, data, retry }) {
  if (status === 401) leave();
  else if (status === 503) {
    const kept = current && expiresAt > Date.now() ? ' your session is kept,' : '';
    say(`The session store cannot be reached;${kept} try again in ${retry} s.`, 'error');
  } else if (status === 0) say('The demo server cannot be reached. Is it still running?', 'error');
  else say(data.error ?? `The server gave an unexpected reply (${status}).`, 'error');
}

/** Shows a message. Confirmations hide themselves; whatever a person must know stays until dismissed. */
function say(text, tone = '') {
  clearTimeout(messageTimer);
  // What is on the screen already is not announced again.
  if ($('message').textContent !== text) $('message').textContent = text;
  $('toast').dataset.tone = tone;
  if (tone === 'ok') messageTimer = setTimeout(() => say(''), 8000);
}

// ---- Views ---------------------------------------------------------------------------------------------------------

function show(view) {
  const before = document.body.dataset.view;
  if (before === view) return;
  document.body.dataset.view = view;
  // Whoever moves by keyboard or listens goes on where the new view begins.
  const { activeElement } = document;
  const isLost = activeElement === document.body || !activeElement.checkVisibility();
  if (before !== 'boot' && isLost) $(view === 'in' ? 'current-user' : 'out-title').focus();
}

/** Takes over what the server says of the session. */
async function adopt(data, done) {
  // Only the reply to a log-out says nothing of a session.
  if (!data.authenticated) return leave('session' in data ? null : done);
  const previous = current;
  current = data;
  const next = data.ttl === null ? null : Date.now() + data.ttl * 1000;
  // The server rounds up to whole seconds: less than one is no news, and would make the dial jump.
  if (next === null || expiresAt === null || Math.abs(next - expiresAt) >= 1000 || done) expiresAt = next;
  const { session } = data;
  $('current-user').textContent = session.username ?? 'Guest';
  setText($('page-views'), session.page_views ?? '0', previous);
  setText($('session-id'), data.session_id, previous);
  if (previous?.configured_ttl !== data.configured_ttl) $('new-ttl').value = data.configured_ttl;
  showHash(session, previous?.session);
  setTime($('own-used'), session.last_accessed_at);
  show('in');
  listen();
  tick();
  if (done) say(done(data), 'ok');
  if (previous?.session_id !== data.session_id) await loadSessions();
}

/** Shows the form of a log-in and says what has become of the session before it. */
function leave(done) {
  if (!current && !done && document.body.dataset.view === 'out') return;
  const name = current?.session.username ?? 'This';
  const isOver = current !== null && expiresAt !== null && expiresAt - Date.now() < 1500;
  let title = 'The session stays on the server';
  let lead = 'Pick a name and how long the session may rest unused. Then watch it run out, or keep it alive.';
  if (done) {
    title = `Goodbye, ${name}`;
    lead = 'The session is deleted, and the cookie is cleared. The old id opens nothing.';
    say(done(), 'ok');
  } else if (isOver) {
    title = `${name}’s session has expired`;
    lead = 'Its time was up, so the server forgot it, fields and all. Start a new one when you like.';
    say('Session expired.', 'warn');
  } else if (current) {
    title = `${name}’s session has ended`;
    lead = 'Something outside this page has ended it: a log-out or a shorter TTL, in another tab or browser.';
    say('This session was ended elsewhere.', 'warn');
  }
  $('out-title').textContent = title;
  $('out-lead').textContent = lead;
  if (current) {
    $('username').value = current.session.username ?? '';
    setTtl(String(current.configured_ttl));
  }
  current = null;
  expiresAt = null;
  events?.close();
  events = null;
  $('countdown').textContent = '';
  document.title = isOver ? `Expired · ${TITLE}` : TITLE;
  paint(isOver ? 'over' : 'off', isOver ? 0 : 1);
  show('out');
}

/** Sets a text, and lets it light up if that changed it. */
function setText(element, text, isChange) {
  if (element.textContent !== text) element.replaceChildren(make('span', isChange ? 'flash' : '', text));
}

function make(tag, className = '', ...content) {
  const element = Object.assign(document.createElement(tag), { className });
  element.append(...content);
  return element;
}

function showHash(session, before) {
  const own = Object.keys(session).filter((name) => name !== 'ttl' && !RESERVED.includes(name));
  const names = [...own.sort(), ...RESERVED.filter((name) => name in session), 'ttl'];
  const rows = names.map((name) => {
    const head = make('th', '', make('code', '', name));
    head.scope = 'row';
    if (RESERVED.includes(name)) head.append(' ', make('span', 'badge', 'reserved'));
    if (name === 'ttl') head.append(' ', make('span', 'badge', 'key expiry'));
    const value = make('code', 'hash-value', session[name] ?? '–');
    const isChange = before && name !== 'ttl' && before[name] !== session[name];
    const row = make('tr', isChange ? 'flash' : '', head, make('td', '', value));
    row.dataset.field = name;
    return row;
  });
  $('hash').replaceChildren(...rows);
}

// ---- My sessions ---------------------------------------------------------------------------------------------------

async function loadSessions() {
  const reply = await request('GET', '/sessions');
  if (!reply.ok) return explain(reply);
  const list = reply.data.sessions;
  $('sessions').replaceChildren(...list.sort((a, b) => b.current - a.current).map(sessionItem));
}

function sessionItem(entry) {
  const name = make('strong', 'device', entry.device ?? 'Unknown device');
  const [since, used] = [make('time'), make('time')];
  setTime(since, entry.login_at ?? entry.created_at);
  setTime(used, entry.last_accessed_at);
  const times = make('small', 'soft', 'since ', since, ', last used ', used);
  const item = make('li', 'row session-entry', make('p', '', name, times));
  if (entry.current) {
    used.id = 'own-used';
    item.append(make('span', 'badge this-browser', 'this browser'));
  } else {
    const button = make('button', 'small danger revoke', 'Revoke');
    button.ariaLabel = `Revoke the session on ${name.textContent}`;
    button.addEventListener('click', () => revoke(entry.handle));
    item.append(button);
  }
  return item;
}

const revoke = (handle) => run(async () => {
  const reply = await request('POST', '/sessions/revoke', { handle });
  if (reply.ok) {
    say(`${reply.data.revoked ? 'Session revoked' : 'That session had already ended'}: its id opens nothing.`, 'ok');
    await loadSessions();
  } else explain(reply);
  $('sessions-title').focus();
});

// ---- Time ----------------------------------------------------------------------------------------------------------

function duration(seconds) {
  const units = [[86_400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']].filter(([size]) => seconds >= size);
  const parts = units.map(([size, unit], at) => [Math.floor((at ? seconds % units[at - 1][0] : seconds) / size), unit]);
  return parts.slice(0, 2).filter(([count]) => count > 0).map((part) => part.join(' ')).join(' ');
}

/** Fills a <time>: the clock's time today, with the date on other days. */
function setTime(element, text) {
  const date = new Date(text);
  if (!element || Number.isNaN(date.getTime())) return;
  element.dateTime = text;
  const isToday = date.toDateString() === new Date().toDateString();
  const style = { dateStyle: isToday ? undefined : 'medium', timeStyle: 'medium', hourCycle: 'h23' };
  element.textContent = date.toLocaleString([], style);
}

/** Paints the time that is left: whole seconds, rounded up as the server does. */
function tick() {
  if (!current) return;
  const left = expiresAt === null ? null : Math.max(0, expiresAt - Date.now());
  const configured = current.configured_ttl;
  const seconds = left === null ? '–' : Math.ceil(left / 1000);
  const share = left === null ? 1 : left / 1000 / configured;
  paint(left === 0 ? 'over' : share <= 0.2 ? 'low' : share <= 0.45 ? 'mid' : 'full', share);
  if ($('countdown').textContent !== String(seconds)) {
    setNumber($('countdown'), String(seconds));
    $('dial-label').textContent = `${seconds === 1 ? 'second' : 'seconds'} left of ${configured}`;
    document.querySelector('[data-field=ttl] .hash-value').textContent = seconds;
    document.title = `${seconds} s left · ${TITLE}`;
    $('announcer').textContent = seconds === 10 && configured >= 20 ? 'The session expires in 10 seconds.' : '';
    const good = (current.session.session_deadline - Date.now()) / 1000;
    $('lifetime').textContent = good >= 1 ? `Ends for good in ${duration(good)}` : '';
  }
  // The server has the last word: another tab may have used the session meanwhile. And a stream that was refused is not
  // opened again by the browser.
  const isUnsure = left === 0 || events.readyState === EventSource.CLOSED;
  if (isUnsure && !pending && Date.now() >= askNotBefore) look();
}

function paint(level, share) {
  $('dial').dataset.level = level;
  $('dial').style.setProperty('--left', Math.min(1, share).toFixed(3));
  if (level !== 'off' && level !== 'over') return;
  $('lifetime').textContent = '';
  setNumber($('chosen'), level === 'over' ? '0' : $('ttl').value.trim() || '–');
  $('dial-label').textContent = level === 'over' ? 'expired' : 'seconds';
}

/** Long numbers are set smaller. */
function setNumber(element, text) {
  element.textContent = text;
  element.style.setProperty('--digits', text.length);
}

// ---- What a person does --------------------------------------------------------------------------------------------

function setTtl(text) {
  $('ttl').value = text;
  paint('off', 1);
  for (const pick of picks) pick.ariaPressed = String(pick.dataset.ttl === text.trim());
}

const onClick = (id, action) => $(id).addEventListener('click', action);
const onSubmit = (id, done, input) => $(id).addEventListener('submit', (event) => {
  event.preventDefault();
  act('POST', event.target.getAttribute('action'), done, { form: new FormData(event.target), input });
});

const unused = (data) => `expires after ${duration(data.configured_ttl)} without use.`;
onSubmit('login-form', (data) => `Signed in. The session ${unused(data)}`, (error) => {
  if (error.startsWith('The user name')) return $('username');
  if (error.startsWith('TTL')) return $('ttl');
  $('more-box').open = true;
  return $('max-lifetime');
});
onSubmit('ttl-form', (data) => `The session now ${unused(data)}`, () => $('new-ttl'));
onClick('refresh', () => act('GET', '/session', (data) => `Session used: ${duration(data.ttl)} left again.`));
onClick('increment', () => act('POST', '/increment', (data) => `Page view ${data.page_views} counted.`));
onClick('rotate', () => act('POST', '/rotate', (data) => `The session has a new id, ${data.session_id}.`));
onClick('logout', () => act('POST', '/logout', () => 'Logged out.'));
onClick('logout-everywhere', () => act('POST', '/logout-everywhere', () => 'Logged out everywhere.'));
onClick('sessions-reload', () => run(loadSessions));
onClick('retry', boot);
onClick('message-close', () => say(''));
for (const pick of picks) pick.addEventListener('click', () => setTtl(pick.dataset.ttl));
document.addEventListener('input', ({ target }) => {
  target.ariaInvalid = null;
  if (target === $('ttl')) setTtl(target.value);
});
document.addEventListener('keydown', ({ key }) => key === 'Escape' && say(''));
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && look());

setTtl($('ttl').value); // a reload may have kept what was typed
setInterval(tick, 200);
boot();
const { data: about } = await request('GET', '/backend');
$('backend').textContent = about.backend ?? '';
$('about').textContent = `${about.description ?? ''} ${about.ids_hashed ? 'Ids are hashed at rest.' : ''}`;
