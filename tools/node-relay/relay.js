// Pairs connections as they come and forwards every message. node relay.js PORT
const { WebSocketServer } = require('ws');

let single = null;
const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1', perMessageDeflate: false });
server.on('connection', (socket) => {
  if (single) {
    socket.partner = single;
    single.partner = socket;
    single = null;
  } else {
    single = socket;
  }
  socket.on('message', (data, isBinary) => socket.partner && socket.partner.send(data, { binary: isBinary }));
  socket.on('close', () => {
    if (single === socket) single = null;
    if (socket.partner) socket.partner.partner = null;
  });
});
