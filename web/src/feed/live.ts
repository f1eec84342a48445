/** The stream of what happens: posts into the home timeline's waiting row, deletions and edits everywhere. */
import type { Notification, Status } from "../api/types.ts";
import { askUnreadCount, noteUnread } from "../notifications/unread.ts";
import { currentSession, currentToken } from "../session/session.ts";
import { noteReply } from "../thread/thread-news.ts";
import { putStatus } from "./entities.ts";
import { feedOf, forgetStatus, HOME, MENTIONS, NOTIFICATIONS } from "./feeds.ts";

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/** A tab that was away longer than this asks for what it may have missed. */
const AWAY_MS = 60_000;

export function startLive(): () => void {
  let socket: WebSocket | null = null;
  let attempts = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let hiddenAt = 0;

  const connect = () => {
    clearTimeout(timer);
    const token = currentToken();
    if (!token || isStopped) return;
    const address = location.origin.replace(/^http/, "ws");
    socket = new WebSocket(
      `${address}/api/v1/streaming?stream=user&access_token=${encodeURIComponent(token)}`,
    );
    socket.onopen = () => {
      attempts = 0;
      catchUp();
    };
    socket.onmessage = (event) => handle(event.data);
    socket.onclose = () => {
      socket = null;
      if (isStopped) return;
      // Full jitter: a restarted server isn't met by everyone at once.
      const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempts++);
      timer = setTimeout(connect, longest * (0.5 + Math.random() / 2));
    };
  };
  const reconnectNow = () => {
    if (!socket && !isStopped) connect();
  };
  const onVisibility = () => {
    if (document.visibilityState === "hidden") {
      hiddenAt = Date.now();
    } else {
      reconnectNow();
      if (Date.now() - hiddenAt > AWAY_MS) catchUp();
    }
  };

  connect();
  addEventListener("online", reconnectNow);
  document.addEventListener("visibilitychange", onVisibility);
  return () => {
    isStopped = true;
    clearTimeout(timer);
    socket?.close();
    removeEventListener("online", reconnectNow);
    document.removeEventListener("visibilitychange", onVisibility);
  };
}

function catchUp(): void {
  void askUnreadCount();
  void feedOf(HOME).catchUp();
  void feedOf(NOTIFICATIONS).catchUp();
}

function handle(data: unknown): void {
  if (typeof data !== "string" || data === "") return;
  const { event, payload } = JSON.parse(data) as { event?: string; payload?: string };
  if (payload === undefined) return;
  if (event === "update") onUpdate(JSON.parse(payload) as Status);
  else if (event === "status.update") putStatus(JSON.parse(payload) as Status);
  else if (event === "delete") forgetStatus(payload);
  else if (event === "notification") onNotification(JSON.parse(payload) as Notification);
}

function onUpdate(status: Status): void {
  const home = feedOf(HOME);
  // One's own posts, also those made elsewhere, don't have to wait for oneself.
  if (status.account.id === currentSession().accountId) home.insertOwn(status);
  else home.receive(status);
  noteReply(status);
}

function onNotification(notification: Notification): void {
  feedOf(NOTIFICATIONS).receive(notification);
  noteUnread();
  if (notification.type === "mention") feedOf(MENTIONS).receive(notification);
  if (notification.status) noteReply(notification.status);
}
