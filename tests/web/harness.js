// harness.js: the real server, a real Chromium, and users who each have a page of their own. Whatever a test does: a console
// error, an uncaught exception, a breach of the Content-Security-Policy, a dialog or a request to another host fails it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, afterEach, before } from 'node:test';
import { chromium } from 'playwright-core';

const BINARY = process.env.CHATTERBOX_BINARY ?? new URL('../../build/release/chatterbox', import.meta.url).pathname;
export const CHROMIUM = process.env.CHATTERBOX_CHROMIUM ?? '/usr/bin/chromium';
const TIMEOUT_MS = 20000;

export const CHROMIUM_FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
  '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection', // a test machine may have no other network
];

export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Polls until condition() is true, and returns what it returned. */
export async function waitFor(condition, what, timeoutMs = TIMEOUT_MS) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < deadline, `timed out waiting for ${what}`);
    await sleep(20);
  }
}

export class Server {
  /** secureHost: the name by which it is known where the flags give it a certificate. */
  static async start({ port = 0, flags = [], secureHost = '' } = {}) {
    const server = new Server();
    server.log = '';
    server.process = spawn(BINARY, ['--port', port, '--bind', '127.0.0.1', ...flags].map(String),
      { stdio: ['ignore', 'ignore', 'pipe'] });
    server.ended = new Promise(resolve => server.process.on('exit', resolve));
    server.process.stderr.on('data', data => { server.log += data; });
    await waitFor(() => {
      assert.equal(server.process.exitCode, null, server.log);
      return / event=listening .*\bport=(\d+)/.exec(server.log);
    }, 'the server to listen');
    server.port = Number(/ event=listening .*\bport=(\d+)/.exec(server.log)[1]);
    server.url = secureHost ? `https://${secureHost}:${server.port}` : `http://127.0.0.1:${server.port}`;
    await waitFor(async () => secureHost ? / event=redis_up /.test(server.log) : (await fetch(`${server.url}/readyz`)).ok, '/readyz');
    return server;
  }

  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    await this.ended;
  }
}

/** One user: a page with storage of its own, and what can be seen and done on it. */
export class User {
  static async open(world, options = {}) {
    const user = new User();
    user.world = world;
    user.questions = 0;
    user.context = await world.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    user.page = await user.context.newPage();
    user.page.setDefaultTimeout(TIMEOUT_MS);
    user.watch();
    await user.page.goto(world.server.url);
    await user.connected();
    return user;
  }

  watch() {
    const { page, world } = this;
    const complain = text => world.problems.push(text);
    const isOwn = url => ['blob:', 'data:'].includes(new URL(url).protocol) || new URL(url).port === String(world.server.port);
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) complain(`console: ${message.text()}`);
    });
    page.on('pageerror', error => complain(`uncaught: ${error}`));
    page.on('dialog', dialog => {
      if (dialog.type() === 'beforeunload') {
        this.questions++; // the browser's own, whether the page may be left
        dialog.accept();
        return;
      }
      complain(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('request', request => isOwn(request.url()) || complain(`request to ${request.url()}`));
    page.on('websocket', socket => isOwn(socket.url()) || complain(`socket to ${socket.url()}`));
  }

  $(selector, options) {
    return this.page.locator(selector, options);
  }

  /** Connected to the server, as far as the user can see. */
  async connected() {
    await waitFor(async () => await this.$('#banner').textContent() === ''
      && await this.$('#start-button').textContent() !== 'Connecting…', 'the connection');
  }

  async like(...interests) {
    for (const interest of interests) {
      await this.$('#interest-input').fill(interest);
      await this.$('#interest-input').press('Enter');
    }
  }

  /** From the start view into the search. */
  async search(...interests) {
    await this.like(...interests);
    await this.$('#start-button').click();
    await this.$('#start-view').waitFor({ state: 'hidden' });
  }

  async say(text) {
    await this.$('#composer').fill(text);
    await this.$('#composer').press('Enter');
  }

  async sees(text) {
    await this.$('#messages').getByText(text, { exact: true }).last().waitFor();
  }

  /** So long by the page's clock, which is installed. What the page asks the server meanwhile has real time to be answered. */
  async passes(seconds) {
    for (let second = 0; second < seconds; second++) {
      await this.page.clock.runFor(1000);
      await sleep(100);
    }
  }

  async isChatting() {
    await this.$('#chat-view:not(.ended)').waitFor();
  }

  async hasEnded() {
    await this.$('#chat-view.ended').waitFor();
  }

  async leave() {
    await this.page.keyboard.press('Escape');
    await this.page.keyboard.press('Escape');
    await this.hasEnded();
  }

  /** As if it were in another tab. */
  async hide(isHidden) {
    await this.page.evaluate(hidden => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => hidden ? 'hidden' : 'visible' });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);
  }
}

/** A stranger whose client is a script in an empty page: it writes whatever a test wants, as fast as it wants. */
export class Script {
  static async open(world, ...interests) {
    const script = new Script();
    script.context = await world.browser.newContext();
    script.page = await script.context.newPage();
    await script.page.goto(`${world.server.url}/healthz`);
    await script.page.evaluate(({ likes }) => {
      window.heard = [];
      window.socket = new WebSocket(`ws://${location.host}/ws/textchat/`);
      window.say = (type, data) => window.socket.send(JSON.stringify({ type, data }));
      window.socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        window.heard.push(message);
        if (message.type !== 'connection_established') return;
        window.say('submit_interests', { interests: likes });
        window.say('start_matching');
      };
    }, { likes: interests });
    world.users.push(script);
    return script;
  }

  /** [[type, data], …], at once. */
  send(...requests) {
    return this.page.evaluate(all => all.forEach(([type, data]) => window.say(type, data)), requests);
  }

  text(...messages) {
    return this.send(...messages.map(message => ['chat_message', { message }]));
  }

  heard(type) {
    return this.page.evaluate(wanted => window.heard.filter(message => message.type === wanted), type);
  }

  hears(type, count = 1) {
    return waitFor(async () => (await this.heard(type)).length >= count, `${type} to be heard`);
  }
}

/** WCAG 2.5.5; links within a text are exempt there, and here. */
export async function isLargeEnough(user, where) {
  const small = await user.page.evaluate(() => [...document.querySelectorAll('button, summary, select, textarea, input')]
    .filter(element => element.checkVisibility() && element.getBoundingClientRect().width > 0)
    .map(element => ({ name: element.id || element.textContent, box: element.closest('.chip-field input') ? element.parentElement.getBoundingClientRect()
      : element.getBoundingClientRect() }))
    .filter(({ box }) => box.width < 43.9 || box.height < 43.9)
    .map(({ name, box }) => `${name} ${Math.round(box.width)}x${Math.round(box.height)}`));
  assert.deepEqual(small, [], where);
}

export async function meet(a, b, ...interests) {
  await a.search(...interests);
  await b.search(...interests);
  await a.isChatting();
  await b.isChatting();
}

/** keepsPages: with the back/forward cache, which playwright turns off. args: further flags of Chromium. */
export const launch = ({ keepsPages = false, args = [] } = {}) => chromium.launch({
  executablePath: CHROMIUM, headless: true, args: [...CHROMIUM_FLAGS, ...args],
  ignoreDefaultArgs: keepsPages ? ['--disable-back-forward-cache'] : [],
});

/** A server and a browser for all tests of a file. */
export function useWorld({ flags = [], secureHost = '', ...browser } = {}) {
  const world = { problems: [], users: [] };

  world.user = async options => {
    const user = await User.open(world, options);
    world.users.push(user);
    return user;
  };
  /** A user in a chat with a script. */
  world.scripted = async (options, ...interests) => {
    const likes = interests.length ? interests : ['scripted'];
    const user = await world.user(options);
    const script = await Script.open(world, ...likes);
    await user.search(...likes);
    await user.isChatting();
    await script.hears('success_matched');
    return [user, script];
  };
  world.pair = async (...interests) => {
    const a = await world.user();
    const b = await world.user();
    await meet(a, b, ...(interests.length ? interests : ['pairing']));
    return [a, b];
  };
  /** What a test has brought about itself. */
  world.expectProblems = pattern => {
    world.problems = world.problems.filter(problem => !pattern.test(problem));
  };

  before(async () => {
    world.server = await Server.start({ flags, secureHost });
    world.browser = await launch(browser);
  });
  afterEach(async () => {
    for (const user of world.users.splice(0)) await user.context.close();
    const problems = world.problems.splice(0);
    assert.deepEqual(problems, []);
  });
  after(async () => {
    await world.browser?.close();
    await world.server?.stop();
  });
  return world;
}
