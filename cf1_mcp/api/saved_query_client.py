"""The operations on saved queries and their alerts."""

from cf1_mcp.api import operations as op
from cf1_mcp.api.asked import require_acknowledged, require_same
from cf1_mcp.api.connection import ApiConnection
from cf1_mcp.models import QueryAlert, QueryAlertFields, SavedQuery, SavedQueryFields


class SavedQueryClient(ApiConnection):
    """The operations on saved queries and their alerts. An answer about another one is an `UnexpectedAnswer`."""

    async def list_queries(self) -> list[SavedQuery]:
        return await self.request(list[SavedQuery], op.LIST_QUERIES)

    async def read_query(self, query_id: int) -> SavedQuery:
        query = await self.request(SavedQuery, op.READ_QUERY, query_id=query_id)
        require_same(query.id, query_id, "saved query")
        return query

    async def create_query(self, fields: SavedQueryFields) -> SavedQuery:
        return await self.request(SavedQuery, op.CREATE_QUERY, body=fields.wire())

    async def update_query(self, query_id: int, fields: SavedQueryFields) -> SavedQuery:
        query = await self.request(SavedQuery, op.UPDATE_QUERY, body=fields.wire(), query_id=query_id)
        require_same(query.id, query_id, "saved query", changed=True)
        return query

    async def delete_query(self, query_id: int) -> None:
        answer = await self.request(object, op.DELETE_QUERY, paged=True, query_id=query_id)
        require_acknowledged(answer, "saved query")

    async def list_alerts(self) -> list[QueryAlert]:
        return await self.request(list[QueryAlert], op.LIST_ALERTS)

    async def read_alert(self, alert_id: int) -> QueryAlert:
        alert = await self.request(QueryAlert, op.READ_ALERT, alert_id=alert_id)
        require_same(alert.id, alert_id, "alert")
        return alert

    async def create_alert(self, fields: QueryAlertFields) -> QueryAlert:
        alert = await self.request(QueryAlert, op.CREATE_ALERT, body=fields.wire())
        require_same(alert.query_id, fields.query_id or 0, "saved query", changed=True)
        return alert

    async def update_alert(self, alert_id: int, fields: QueryAlertFields) -> QueryAlert:
        alert = await self.request(QueryAlert, op.UPDATE_ALERT, body=fields.wire(), alert_id=alert_id)
        require_same(alert.id, alert_id, "alert", changed=True)
        return alert

    async def delete_alert(self, alert_id: int) -> None:
        answer = await self.request(object, op.DELETE_ALERT, paged=True, alert_id=alert_id)
        require_acknowledged(answer, "alert")
