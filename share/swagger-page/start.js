// The document lies beside the folder of this page, wherever a proxy has put both.
window.ui = SwaggerUIBundle({
  url: new URL("../openapi.json", location.href).href,
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: false,
  validatorUrl: null, // asks another host
  presets: [SwaggerUIBundle.presets.apis],
});
