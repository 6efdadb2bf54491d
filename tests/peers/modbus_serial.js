// modbus-serial on node, as a device or as a master that asks for many things at once; one JSON answer per line.
//
//   node modbus_serial.js device PORT          prints its port once it listens; ends with its input
//   node modbus_serial.js master PORT UNIT     every input line is a list of calls made at once: [["read", 3, 0, 10], ...]
const readline = require("node:readline");
const ModbusRTU = require("modbus-serial");

const say = (thing) => process.stdout.write(JSON.stringify(thing) + "\n");

function device(port) {
  const holding = new Uint16Array(65536).map((_, n) => n);
  const coils = new Uint8Array(65536).map((_, n) => n & 1);
  const server = new ModbusRTU.ServerTCP(
    {
      getInputRegister: (n) => n,
      getHoldingRegister: (n) => holding[n],
      getCoil: (n) => coils[n] === 1,
      getDiscreteInput: (n) => (n & 1) === 1,
      setRegister: (n, value) => { holding[n] = value; },
      setCoil: (n, value) => { coils[n] = value ? 1 : 0; },
    },
    { host: "127.0.0.1", port: Number(port), unitID: 255, debug: false },
  );
  server.on("initialized", () => say(Number(port)));
  process.stdin.on("end", () => process.exit(0)).resume();
}

async function master(port, unit) {
  const client = new ModbusRTU();
  await client.connectTCP("127.0.0.1", { port: Number(port) });
  client.setID(Number(unit));
  client.setTimeout(3000);
  const calls = {
    read: (table, address, count) =>
      [client.readCoils, client.readDiscreteInputs, client.readHoldingRegisters, client.readInputRegisters][table - 1]
        .call(client, address, count).then((answer) => answer.data.slice(0, count).map(Number)),
    write: (table, address, value) =>
      (table === 1 ? client.writeCoil(address, !!value) : client.writeRegister(address, value)).then(() => "ok"),
    many: (table, address, values) =>
      (table === 1 ? client.writeCoils(address, values.map(Boolean)) : client.writeRegisters(address, values))
        .then(() => "ok"),
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line).map(([verb, ...rest]) =>
      calls[verb](...rest).catch((error) => ({ error: error.message, code: error.modbusCode })));
    say(await Promise.all(asked));
  }
  client.close(() => process.exit(0));
}

const [, , role, port, unit] = process.argv;
if (role === "device") device(port);
else master(port, unit);
