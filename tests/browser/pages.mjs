// Drives one headless Chromium: commands as JSON lines on stdin, each answered by a line {"value"} or {"error"}.
// Arguments: its path, and more for itself. Ends, and Chromium with it, when stdin does.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [executablePath, ...more] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...more] });
const contexts = [await browser.newContext({ viewport: { width: 1100, height: 800 } })];
const pages = [];

const commands = {
  /** Another profile: nothing is shared with the pages of others. */
  async context() {
    return contexts.push(await browser.newContext()) - 1;
  },
  async endContext({ context }) {
    await contexts[context].close();
    return null;
  },
  async open({ url, first, context = 0 }) {
    const page = await contexts[context].newPage();
    if (first) await page.addInitScript(first);
    const problems = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => console.error(`page ${pages.length}: ${message.type()}: ${message.text()}`));
    await page.goto(url);
    return pages.push({ page, problems }) - 1;
  },
  async evaluate({ page, source, argument }) {
    const isFunction = source.includes("=>");
    const value = await pages[page].page.evaluate(isFunction ? `(${source})(${JSON.stringify(argument)})` : source);
    return value ?? null;
  },
  async offline({ offline }) {
    await contexts[0].setOffline(offline);
    return null;
  },
  async screenshot({ page, path }) {
    await pages[page].page.screenshot({ path, fullPage: true });
    return null;
  },
  /** As on a screen of this size, with dark colours or light ones. */
  async look({ page, width, height, dark }) {
    await pages[page].page.setViewportSize({ width, height });
    await pages[page].page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    return null;
  },
  async problems({ page }) {
    return pages[page].problems;
  },
  /** Runs what makes the page go to the url, and waits until it is there. */
  async leave({ page, source, argument, url }) {
    const arrived = pages[page].page.waitForURL(url);
    await pages[page].page.evaluate(`(${source})(${JSON.stringify(argument)})`);
    await arrived;
    return null;
  },
  /** A command of the DevTools protocol. */
  async devtools({ page, method, parameters }) {
    const { page: of } = pages[page];
    const session = await of.context().newCDPSession(of);
    try {
      return await session.send(method, parameters);
    } finally {
      await session.detach();
    }
  },
  async close({ page }) {
    await pages[page].page.close();
    return null;
  },
};

try {
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    let answer;
    try {
      answer = { value: await commands[command.do](command) };
    } catch (error) {
      answer = { error: String(error) };
    }
    console.log(JSON.stringify(answer));
  }
} finally {
  await browser.close();
}
