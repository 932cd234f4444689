"""The handlers of the API's routes, one module per noun."""
