"""A service that has keys: an administrator's, and those of two tenants."""


class Keyed:
    def __init__(self, service):
        self.service = service
        self.port = service.port
        self.boss = service.client(key=self.make_with(service.client(), scopes=["admin"], name="boss")["key"])
        self.a = self.client("a", "submit", "read", "cancel")
        self.b = self.client("b", "submit", "read", "cancel")

    @staticmethod
    def make_with(client, **what):
        answer = client.post("/v1/keys", what)
        assert answer.status == 201, answer
        return answer.json

    def make(self, tenant, *scopes, **what):
        return self.make_with(self.boss, tenant=tenant, scopes=list(scopes), **what)

    def client(self, tenant, *scopes, **what):
        """With a new key of its own, whose id is client.id."""
        made = self.make(tenant, *scopes, **what)
        client = self.service.client(key=made["key"])
        client.id = made["id"]
        return client

    def revoke(self, client):
        answer = self.boss.request("DELETE", f"/v1/keys/{client.id}")
        assert answer.status == 204, answer

    def ticket(self, client):
        answer = client.post("/v1/tickets")
        assert answer.status == 201, answer
        return answer.json["ticket"]


def bearer(client):
    """For sockets and streams, which take headers of their own."""
    return {"Authorization": f"Bearer {client.key}"}
