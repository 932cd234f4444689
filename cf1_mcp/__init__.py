"""Cloudflare's Cloudforce One Threat Events for Model Context Protocol clients."""
