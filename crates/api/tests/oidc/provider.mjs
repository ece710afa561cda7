// An identity provider of the tests' own: prints its address, and signs in whoever gives any name as their login.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const back = process.argv[2];
// What is known of people: groups as a company's directory has them.
const people = {
  ann: { name: 'Ann Example', preferred_username: 'ann@example.com', email: 'ann@example.com', groups: ['auditors', 'others'] },
  bob: { name: 'Bob\u0000 Example', preferred_username: 'bob', groups: 'auditors' },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'skywarden', client_secret: 'the-client-secret', redirect_uris: [back] }],
    claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email'], groups: ['groups'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
