// "Open as graph": the nodes that run in the place of Sora Engine Video, or of Sora Text To Video with an engine.

import { app } from "../../../scripts/app.js"
import { api } from "../../../scripts/api.js"

const KINDS = ["SoraEngineVideo", "SoraTextToVideo"]
const MENU = { en: "Open as graph", fr: "Ouvrir comme graphe" }

function isOpenable(node) {
    return KINDS.includes(node?.comfyClass) && node.inputs?.some(slot => slot.name === "engine" && slot.link != null)
}

async function open(node) {
    const { output } = await app.graphToPrompt()
    const answer = await api.fetchApi("/sora/engine_graph", {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ prompt: output, node: String(node.id) })
    })
    const opened = await answer.json()
    if (!answer.ok) {
        app.extensionManager.toast.add({ severity: "error", summary: "Sora", detail: opened.error, life: 10000 })
        return
    }
    app.loadApiJson(opened.prompt, `${node.title} as graph`)
}

app.registerExtension({
    name: "soracore.OpenAsGraph",
    commands: [{
        id: "soracore.OpenAsGraph", label: "Open Sora node as graph", icon: "pi pi-sitemap",
        function: async () => {
            const node = Object.values(app.canvas.selected_nodes ?? {}).find(isOpenable)
            if (node) await open(node)
        }
    }],
    getNodeMenuItems(node) {
        const content = MENU[app.extensionManager.setting.get("Comfy.Locale")] ?? MENU.en
        return isOpenable(node) ? [{ content, callback: () => open(node) }] : []
    }
})
