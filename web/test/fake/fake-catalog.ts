import type { Output } from "../../src/lib/client.ts";
import type { Signals } from "../../src/lib/generated/contract.ts";
import type { FakeServer, Handlers } from "./fake-server.ts";
import { FakeError, found, groupOf, remove } from "./fake-tools.ts";

type System = Output<"catalog", "getSystems">["systems"][number];
type Group = Output<"catalog", "getGroups">[number];
type Contact = Output<"catalog", "getSystemContacts">[number];
type View = Output<"catalog", "getViews">[number];

/** Systems, the groups they stand in, and who answers for them. */
export class FakeCatalog {
  readonly systems: System[] = [];
  readonly groups: Group[] = [];
  readonly contacts: Contact[] = [];
  readonly views: View[] = [];

  private readonly server: FakeServer;

  constructor(server: FakeServer) {
    this.server = server;
  }

  system(id: string): System {
    return found(this.systems.find((each) => each.id === id));
  }

  addGroup(name: string, systemIds: string[] = []): Group {
    if (this.groups.some((group) => group.name.toLowerCase() === name.toLowerCase())) throw new FakeError(409, "CONFLICT", "The name is taken");
    const group: Group = { id: this.server.id(), name, systemIds, metadata: null, sortOrder: this.groups.length, createdAt: new Date(), updatedAt: new Date() };
    this.groups.push(group);
    this.changed("group", "created", group.id);
    return group;
  }

  addView(name: string, configuration: View["configuration"]): View {
    const view: View = { id: this.server.id(), name, description: null, configuration, createdAt: new Date(), updatedAt: new Date() };
    this.views.push(view);
    return view;
  }

  readonly handlers: NonNullable<Handlers["catalog"]> = {
    getSystems: () => ({ systems: this.systems }),
    getSystem: ({ systemId }) => this.systems.find((system) => system.id === systemId) ?? null,
    createSystem: ({ name, description, metadata }) => {
      if (this.systems.some((system) => system.name === name)) throw new FakeError(409, "CONFLICT", "The name is taken");
      const system: System = { id: this.server.id(), name, description: description ?? null, metadata: metadata ?? null, createdAt: new Date(), updatedAt: new Date() };
      this.systems.push(system);
      this.server.groups.push({ id: groupOf(system.id), name, description: "", ownerPlugin: "catalog", createdAt: new Date() });
      this.changed("system", "created", system.id);
      return system;
    },
    updateSystem: ({ id, data }) => {
      const system = this.system(id);
      Object.assign(system, data, { updatedAt: new Date() });
      for (const group of this.server.groups) if (group.id === groupOf(id)) group.name = system.name;
      this.changed("system", "updated", id);
      return system;
    },
    deleteSystem: ({ id }) => {
      if (!remove(this.systems, (system) => system.id === id)) return { success: false };
      for (const group of this.groups) group.systemIds = group.systemIds.filter((each) => each !== id);
      remove(this.contacts, (contact) => contact.systemId === id);
      this.server.forgetSystem(id);
      this.changed("system", "deleted", id);
      return { success: true };
    },
    getGroups: () => this.groups,
    createGroup: ({ name }) => this.addGroup(name),
    updateGroup: ({ id, data }) => {
      const group = found(this.groups.find((each) => each.id === id));
      Object.assign(group, data, { updatedAt: new Date() });
      this.changed("group", "updated", id);
      return group;
    },
    deleteGroup: ({ id }) => {
      const success = remove(this.groups, (each) => each.id === id);
      this.changed("group", "deleted", id);
      return { success };
    },
    addSystemToGroup: ({ groupId, systemId }) => {
      const group = found(this.groups.find((each) => each.id === groupId));
      group.systemIds = [...new Set([...group.systemIds, this.system(systemId).id])];
      this.changed("membership", "updated", groupId);
      return { success: true };
    },
    removeSystemFromGroup: ({ groupId, systemId }) => {
      const group = found(this.groups.find((each) => each.id === groupId));
      group.systemIds = group.systemIds.filter((each) => each !== systemId);
      this.changed("membership", "updated", groupId);
      return { success: true };
    },
    getSystemContacts: ({ systemId }) => this.contacts.filter((contact) => contact.systemId === systemId),
    addSystemContact: ({ systemId, type, userId, email, label = null }) => {
      const about = { id: this.server.id(), systemId: this.system(systemId).id, label, createdAt: new Date() };
      if (email !== undefined && this.contacts.some((each) => each.systemId === systemId && each.type === "mailbox" && each.email === email)) throw new FakeError(409, "CONFLICT", "A contact already");
      const user = this.server.users.find((each) => each.id === userId);
      const contact: Contact = type === "user" ? { ...about, type, userId: found(user).id, userName: found(user).name, userEmail: found(user).email } : { ...about, type, email: found(email) };
      this.contacts.push(contact);
      this.changed("system", "updated", systemId);
      return contact;
    },
    removeSystemContact: ({ id }) => ({ success: remove(this.contacts, (each) => each.id === id) }),
    getViews: () => this.views,
    createView: ({ name, configuration }) => this.addView(name, configuration),
    deleteView: ({ id }) => ({ success: remove(this.views, (each) => each.id === id) }),
  };

  private changed(entity: Signals["catalog.changed"]["entity"], action: Signals["catalog.changed"]["action"], id: string): void {
    this.server.announce("catalog.changed", { entity, action, id });
  }
}
