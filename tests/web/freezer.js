// freezer.js: a page in a Chromium of its own that can be frozen for real, as a phone freezes one. Playwright keeps every page of its browsers in
// view, and what is in view is not frozen.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHROMIUM, CHROMIUM_FLAGS, waitFor } from './harness.js';

export class FreezablePage {
  #answers = new Map();
  #last = 0;
  #read = '';

  static async open(url) {
    const page = new FreezablePage();
    page.folder = await mkdtemp(join(tmpdir(), 'chatterbox-freezer-'));
    page.process = spawn(CHROMIUM, ['--headless', ...CHROMIUM_FLAGS, '--remote-debugging-pipe', `--user-data-dir=${page.folder}`],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    page.ended = new Promise(resolve => page.process.on('exit', resolve));
    page.process.stdio[4].on('data', data => page.#hear(data));
    const { targetId } = await page.#tell('Target.createTarget', { url });
    page.session = (await page.#tell('Target.attachToTarget', { targetId, flatten: true })).sessionId;
    await waitFor(() => page.evaluate(`document.readyState === 'complete' && location.href.startsWith('${url}')`), 'the page');
    return page;
  }

  #hear(data) {
    const messages = (this.#read + data).split('\0');
    this.#read = messages.pop();
    for (const { id, result, error } of messages.map(text => JSON.parse(text))) this.#answers.get(id)?.(result ?? { error });
  }

  #tell(method, params, sessionId) {
    const id = ++this.#last;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise(resolve => this.#answers.set(id, resolve));
  }

  async evaluate(expression) {
    const { result } = await this.#tell('Runtime.evaluate', { expression, returnByValue: true }, this.session);
    return result?.value;
  }

  freeze(isFrozen) {
    return this.#tell('Page.setWebLifecycleState', { state: isFrozen ? 'frozen' : 'active' }, this.session);
  }

  async close() {
    this.process.kill();
    await this.ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}
