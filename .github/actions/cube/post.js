// Keeps the evidence and removes the task, also after a step that failed and after a cancelled job.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { input, saved, fail } = require('./runner');

/** Writes what `cube VERB ID` prints to a file of the evidence folder. */
function keep(cube, verb, id, folder, name) {
  const file = fs.openSync(path.join(folder, name), 'w');
  spawnSync(cube, [verb, id], { stdio: ['ignore', file, verb === 'logs' ? file : 'inherit'] });
  fs.closeSync(file);
}

/** The engine's description without the values of environment variables. */
function blank(file) {
  try {
    const tasks = JSON.parse(fs.readFileSync(file, 'utf8'));
    for (const task of tasks) {
      const config = task.Config || {};
      config.Env = (config.Env || []).map((variable) => variable.split('=')[0]);
    }
    fs.writeFileSync(file, `${JSON.stringify(tasks, null, 4)}\n`);
  } catch {
    fs.rmSync(file, { force: true });
  }
}

function main() {
  const [cube, id, folder] = [saved('cube'), saved('id'), input('evidence')];
  if (id === '') return;
  if (folder !== '') {
    fs.mkdirSync(folder, { recursive: true });
    keep(cube, 'logs', id, folder, 'task.log');
    keep(cube, 'inspect', id, folder, 'inspect.json');
    blank(path.join(folder, 'inspect.json'));
  }
  const stop = spawnSync(cube, ['stop', '--ignore-missing', id], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (stop.status !== 0) fail(`the task ${id} may still be there: cube stop ended with exit code ${stop.status}`);
}

main();
